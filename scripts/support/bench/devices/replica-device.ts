/** A whole @tillwire/client in Node: hash, outbox, overlay, digests; its local database in memory. */
import type { Order } from "@tillwire/protocol/pos/orders";
import { orders } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { Identity, Replica, ReplicaRecord } from "@tillwire/client/api";
import { browserEnvironment } from "@tillwire/client/browser";
import { MemoryDatabase, openMemoryStore } from "@tillwire/client/memory-store";
import { createReplica } from "@tillwire/client/replica";
import { webSocketLinks } from "@tillwire/client/transports/websocket";
import { firstValueFrom, type Observable } from "rxjs";
import { WebSocket } from "ws";
import type { BenchDevice, DeviceOptions } from "./device.ts";

/** As all that is measured beside it: what compression costs is told by the fan-out. */
const openUncompressed = (url: string): WebSocket => new WebSocket(url, { perMessageDeflate: false });
const QUEUED_A_TX = 50;
/** The discard port: nobody answers there. */
const NOWHERE = "http://127.0.0.1:9";

export class ReplicaDevice implements BenchDevice {
  readonly #options: DeviceOptions;
  readonly #memory = new MemoryDatabase();
  #replica: Replica | null = null;
  #seen = 0;

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  get arrived(): number {
    return this.#seen;
  }

  async open(): Promise<void> {
    const replica = await this.#create(this.#options.url);
    this.#replica = replica;
    replica.collection(orders).records$.subscribe((records) => this.#saw(records));
    await until(replica.link$, ({ state }) => state === "live");
  }

  async queue(toSell: readonly Order[]): Promise<void> {
    const offline = await this.#create(NOWHERE);
    for (let start = 0; start < toSell.length; start += QUEUED_A_TX) {
      const some = toSell.slice(start, start + QUEUED_A_TX);
      await offline.batch(() => some.map((data) => ({ op: "put", collection: orders.name, data })));
    }
    await offline.close();
  }

  start(): void {
    // its outbox has left by itself
  }

  async sell(order: Order): Promise<void> {
    await this.#replica!.collection(orders).put(order);
  }

  async drained(): Promise<void> {
    await until(this.#replica!.stats$, ({ pending }) => pending === 0);
  }

  async verify(expected: number): Promise<void> {
    const replica = this.#replica!;
    const stats = await firstValueFrom(replica.stats$);
    const records = await replica.collection(orders).query();
    const synced = records.filter(({ sync }) => sync === "synced").length;
    if (synced !== expected || stats.failed > 0 || stats.digestsEqual !== true)
      throw new Error(`${synced} orders of ${expected} are synced, digests equal: ${stats.digestsEqual}`);
  }

  async close(): Promise<void> {
    await this.#replica?.close();
  }

  #create(url: string): Promise<Replica> {
    const { deviceId, storeId, token } = this.#options.key!;
    const identity: Identity = {
      ...{ deviceId, storeId, token, registerCode: "B1", role: "register" },
      ...{ name: deviceId, storeName: storeId },
    };
    const env = browserEnvironment({
      openStore: async () => openMemoryStore(this.#memory),
      openChannel: () => null,
      locks: null,
    });
    const openLink = { ...env.openLink, websocket: webSocketLinks(openUncompressed) };
    return createReplica({ url, identity, collections: SHOP_COLLECTIONS, live: ["websocket"] }, { ...env, openLink });
  }

  /** New records come last: a Map keeps the order of its keys. */
  #saw(records: readonly ReplicaRecord<Order>[]): void {
    for (; this.#seen < records.length; this.#seen += 1) this.#options.onOrder(records[this.#seen]!.data);
  }
}

function until<T>(source: Observable<T>, holds: (value: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const subscription = source.subscribe((value) => {
      if (!holds(value)) return;
      queueMicrotask(() => subscription.unsubscribe());
      resolve(value);
    });
  });
}
