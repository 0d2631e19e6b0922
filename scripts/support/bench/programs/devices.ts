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
  readonly all?: boolean;
}
export interface SellOnInput {
  readonly underWay: number;
  readonly seconds: number;
  readonly mixed?: boolean;
}
export interface SoldOn {
  /** Of acknowledgement, edits included. */
  readonly moments: number[];
  edits: number;
}
export interface Arrivals {
  /** ms from leaving the device that sold to the application of the one that reads. */
  readonly latencies: number[];
  readonly moments: number[];
}

const OPEN_TRIES = 5;
const BEAT_TICK_MS = 20;
const ARRIVAL_MS = 30_000;
/** Strangers at a time: fewer than a server lets wait from one address. */
const OPENING = 12;

let devices: BenchDevice[] = [];
let order: () => Order = () => {
  throw new Error("open first");
};
let beating: NodeJS.Timeout | undefined;
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

/** As devices do: whoever is not let in in time tries again. */
async function openPatiently(device: BenchDevice): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await device.open();
    } catch (error) {
      if (tries === OPEN_TRIES) throw error;
      await device.close();
      await new Promise((resolve) => setTimeout(resolve, tries * 250));
    }
  }
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

async function until(holds: () => boolean, timeoutMs: number): Promise<void> {
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
  open: (atATime: number | null) => each(openPatiently, Math.min(atATime ?? OPENING, devices.length)),
  /** They keep what they know, and may be opened again. */
  disconnect: () => each((device) => device.close()),
  /** The first device, or all in turn, sell at that rate, by the clock. @returns ms from sale to acknowledgement */
  async sell({ perSecond, seconds, all }: SellInput): Promise<number[]> {
    const acknowledged: number[] = [];
    const sales: Promise<void>[] = [];
    const start = clockMs();
    for (let sold = 0; sold < perSecond * seconds; sold += 1) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + (sold * 1_000) / perSecond - clockMs())));
      const sale = stamped(order());
      const soldAt = clockMs();
      const device = devices[all ? sold % devices.length : 0]!;
      sales.push(device.sell(sale).then(() => void acknowledged.push(clockMs() - soldAt)));
    }
    await Promise.all(sales);
    return acknowledged;
  },
  /** So many writes under way at any time, the devices taking turns. `mixed`: every fourth one edits what its device sold last. */
  async sellOn({ underWay, seconds, mixed }: SellOnInput): Promise<SoldOn> {
    const sold: SoldOn = { moments: [], edits: 0 };
    const end = clockMs() + seconds * 1_000;
    const free = [...devices];
    let next = 0;
    const one = async (): Promise<void> => {
      while (clockMs() < end) {
        const device = free[next % free.length]!;
        next += 1;
        if (mixed && next % 4 === 0 && device.hasSold) {
          await device.edit!();
          sold.edits += 1;
        } else await device.sell(order());
        sold.moments.push(clockMs());
      }
    };
    await Promise.all(Array.from({ length: underWay }, one));
    return sold;
  },
  /** Resolves when all devices together have heard of so many writes. */
  async arrivedTogether(writes: number): Promise<void> {
    await until(() => devices.reduce((sum, { arrived: n }) => sum + n, 0) >= writes, ARRIVAL_MS);
  },
  start: () => each(async (device) => device.start()),
  drained: () => each((device) => device.drained()),
  /** Resolves when every device has so many orders. @returns when that was */
  async arrived(input: number | { orders: number; timeoutMs: number }): Promise<number> {
    const { orders, timeoutMs } = typeof input === "number" ? { orders: input, timeoutMs: ARRIVAL_MS } : input;
    await until(() => devices.every((device) => device.arrived >= orders), timeoutMs);
    return clockMs();
  },
  /** What arrived since the last time that this was asked. */
  arrivals(): Arrivals {
    return { latencies: latencies.splice(0), moments: moments.splice(0) };
  },
  /** From now on each device says so often what live devices say by themselves, one after the other. */
  beat(everyMs: number): void {
    const beginning = clockMs();
    let beats = 0;
    clearInterval(beating);
    beating = setInterval(() => {
      const due = Math.floor(((clockMs() - beginning) / everyMs) * devices.length);
      for (; beats < due; beats += 1) devices[beats % devices.length]!.beat?.();
    }, BEAT_TICK_MS);
  },
  /** @throws if a link was lost */
  allOpen(): void {
    const lost = devices.filter(({ isOpen }) => isOpen === false).length;
    if (lost > 0) throw new Error(`${lost} of ${devices.length} links were lost`);
  },
  verify: (orders: number) => each((device) => device.verify(orders)),
  async close(): Promise<void> {
    clearInterval(beating);
    await each((device) => device.close());
    devices = [];
  },
});
