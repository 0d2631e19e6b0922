/** The load generator: devices of one system, in a process of their own. */
import type { Order } from "@tillwire/protocol/pos/orders";
import type { BenchDevice, DeviceOptions, SystemName } from "../devices/device.ts";
import { HandRolledDevice } from "../devices/hand-rolled-device.ts";
import { RelayDevice } from "../devices/relay-device.ts";
import { ReplicaDevice } from "../devices/replica-device.ts";
import { ThinDevice } from "../devices/thin-device.ts";
import { createOrderSource } from "../orders.ts";
import { serve } from "../program.ts";
import type { DeviceKey } from "../shops.ts";
import { clockMs, sentAtOf, stamped } from "../stamp.ts";

export interface OpenInput {
  readonly system: SystemName;
  readonly url: string;
  readonly count: number;
  /** Of Tillwire's devices. */
  readonly keys: readonly DeviceKey[] | null;
  /** So many of them read what arrives, the rest count it; default: all. */
  readonly readers?: number;
  /** Orders that each one has saved before it comes. */
  readonly queued?: number;
  /** No two programs of a measure share it. */
  readonly seed: number;
  readonly sellsOnly?: boolean;
  /** Offers compression. */
  readonly compressed?: boolean;
  /** Each from an address of its own. */
  readonly spread?: boolean;
}
export interface SellInput {
  readonly perSecond: number;
  readonly seconds: number;
}
export interface Arrivals {
  /** ms from leaving the device that sold to the application of the one that reads. */
  readonly latencies: number[];
  readonly moments: number[];
}

/** Strangers at a time: fewer than a server lets wait from one address. */
const OPENING = 12;

let devices: BenchDevice[] = [];
let order: () => Order = () => {
  throw new Error("open first");
};
const latencies: number[] = [];
const moments: number[] = [];

function arrived(each: Order): void {
  const now = clockMs();
  moments.push(now);
  const sentAt = sentAtOf(each);
  if (sentAt !== null) latencies.push(now - sentAt);
}

function create(system: SystemName, options: DeviceOptions): BenchDevice {
  switch (system) {
    case "thin":
      return new ThinDevice(options);
    case "replica":
      return new ReplicaDevice(options);
    case "relay":
      return new RelayDevice(options);
    case "hand-rolled":
      return new HandRolledDevice(options);
  }
}

/** Loopback's addresses are many. */
function addressOf(index: number): string {
  return `127.1.${index >> 8}.${index & 255}`;
}

async function each(run: (device: BenchDevice) => Promise<unknown>, atATime = devices.length): Promise<void> {
  const waiting = [...devices];
  const worker = async (): Promise<void> => {
    for (let device = waiting.shift(); device; device = waiting.shift()) await run(device);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

async function prepare(input: OpenInput): Promise<void> {
  const { system, url, count, keys, readers = count, queued = 0, seed, spread, sellsOnly, compressed } = input;
  latencies.length = 0;
  moments.length = 0;
  const source = createOrderSource(seed, `S${seed}`);
  order = () => source.next();
  devices = Array.from({ length: count }, (_, index) =>
    create(system, {
      ...{ url, key: keys?.[index] ?? null, onOrder: arrived, reads: index < readers },
      ...{ sellsOnly, compressed },
      ...(spread && { localAddress: addressOf(index) }),
    }),
  );
  if (queued > 0) for (const device of devices) await device.queue(Array.from({ length: queued }, order));
}

async function until(holds: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = clockMs() + timeoutMs;
  while (!holds()) {
    if (clockMs() > deadline)
      throw new Error(
        `not in time: ${devices
          .map(({ arrived: n }) => n)
          .slice(0, 20)
          .join(" ")}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

serve({
  prepare,
  /** @param atATime default: as few as a server lets wait from one address */
  open: (atATime: number | null) => each((device) => device.open(), Math.min(atATime ?? OPENING, devices.length)),
  /** They keep what they know, and may be opened again. */
  disconnect: () => each((device) => device.close()),
  /** The first device sells at that rate, by the clock. @returns ms from sale to acknowledgement */
  async sell({ perSecond, seconds }: SellInput): Promise<number[]> {
    const acknowledged: number[] = [];
    const sales: Promise<void>[] = [];
    const start = clockMs();
    for (let sold = 0; sold < perSecond * seconds; sold += 1) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + (sold * 1_000) / perSecond - clockMs())));
      const sale = stamped(order());
      const soldAt = clockMs();
      sales.push(devices[0]!.sell(sale).then(() => void acknowledged.push(clockMs() - soldAt)));
    }
    await Promise.all(sales);
    return acknowledged;
  },
  /** So many sales under way at any time, the devices taking turns. @returns moments of acknowledgement */
  async sellOn({ underWay, seconds }: { underWay: number; seconds: number }): Promise<number[]> {
    const acknowledged: number[] = [];
    const end = clockMs() + seconds * 1_000;
    const free = [...devices];
    const one = async (): Promise<void> => {
      while (clockMs() < end) {
        const device = free.shift()!;
        await device.sell(order());
        free.push(device);
        acknowledged.push(clockMs());
      }
    };
    await Promise.all(Array.from({ length: underWay }, one));
    return acknowledged;
  },
  start: () => each(async (device) => device.start()),
  drained: () => each((device) => device.drained()),
  /** Resolves when every device has so many orders. @returns when that was */
  async arrived(orders: number): Promise<number> {
    await until(() => devices.every((device) => device.arrived >= orders));
    return clockMs();
  },
  /** What arrived since the last time that this was asked. */
  arrivals(): Arrivals {
    return { latencies: latencies.splice(0), moments: moments.splice(0) };
  },
  verify: (orders: number) => each((device) => device.verify(orders)),
  async close(): Promise<void> {
    await each((device) => device.close());
    devices = [];
  },
});
