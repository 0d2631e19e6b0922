/** A real server on a test database, and real replicas in Node that keep their data in memory: what tests of the whole start from. */
import { type CollectionSet } from "@tillwire/protocol/collection";
import { hashOf } from "@tillwire/protocol/hash";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { freePort } from "@tillwire/server/free-port";
import { createSyncServer, type SyncServer } from "@tillwire/server/server";
import { firstValueFrom, type Observable } from "rxjs";
import { expect, vi } from "vitest";
import { WebSocket } from "ws";
import { createTestDatabase, type TestDatabase } from "../../../../server/test/support/database.ts";
import type { Identity, Replica, ReplicaOptions } from "../../src/api.ts";
import { browserEnvironment } from "../../src/browser.ts";
import { enrol } from "../../src/enrol.ts";
import type { Environment } from "../../src/environment.ts";
import { MemoryDatabase, openMemoryStore } from "../../src/memory-store.ts";
import { createReplica } from "../../src/replica.ts";
import { webSocketLinks } from "../../src/transports/websocket.ts";

export const ADMIN_TOKEN = "test-admin-token";
export const TRANSPORTS = ["socket.io", "websocket", "http"] as const;
export type TransportName = (typeof TRANSPORTS)[number];

export class TestShop {
  #server: SyncServer | null = null;
  #port = 0;
  readonly #devices: TestDevice[] = [];

  private constructor(
    readonly database: TestDatabase,
    private readonly collections: CollectionSet,
  ) {}

  static async open(collections: CollectionSet = SHOP_COLLECTIONS): Promise<TestShop> {
    const shop = new TestShop(await createTestDatabase(), collections);
    // One that no outgoing connection can take while the server is away.
    shop.#port = await freePort();
    await shop.start();
    await shop.admin("POST", "/stores", { name: "Shop" });
    return shop;
  }

  get url(): string {
    return this.#server!.url.replace("0.0.0.0", "127.0.0.1");
  }
  get port(): number {
    return this.#port;
  }

  /** Starts the server, on the port that it had before. */
  async start(): Promise<void> {
    this.#server = await createSyncServer({
      databaseUrl: this.database.url,
      collections: this.collections,
      port: this.#port,
      host: "127.0.0.1",
      adminToken: ADMIN_TOKEN,
    });
    this.#port = this.#server.port;
  }
  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }

  async admin(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/api/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
  }

  async enrol(name: string, role: Identity["role"] = "register"): Promise<Identity> {
    const { code } = await this.admin("POST", "/enrolments", { name, role });
    return enrol(this.url, code as string);
  }

  /**
   * @param url of a proxy in front of the server; default: the server's
   * @param speed how many times faster the device's clock and timers go
   */
  async device(name: string, transport: TransportName = "websocket", url = this.url, speed = 1): Promise<TestDevice> {
    const device = new TestDevice(await this.enrol(name), transport, url);
    await device.open(speed === 1 ? {} : fasterBy(speed));
    this.#devices.push(device);
    return device;
  }

  /** Resolves when all devices are at the head with equal digests, and none has anything left to send (L1, S12). */
  async settled(...devices: readonly TestDevice[]): Promise<void> {
    for (const device of devices) {
      await device.until(device.replica.stats$, (stats) => stats.pending === 0 && stats.failed === 0);
    }
    // a device whose clock runs faster may find the server too slow
    for (const device of devices) await vi.waitFor(() => device.replica.syncNow(), { timeout: 20_000 });
    await expect
      .poll(() => Promise.all(devices.map((device) => device.fingerprint())), { timeout: 20_000 })
      .toEqual(devices.map(() => expect.stringMatching(/^true /)));
    const [first, ...others] = await Promise.all(devices.map((device) => device.fingerprint()));
    expect(others).toEqual(others.map(() => first));
  }

  /** The server's orders, by localId. */
  async serverOrders(): Promise<Map<string, { data: Order; sync_version: number; device_id: string }>> {
    const rows = await this.database.sql<{ local_id: string; data: Order; sync_version: number; device_id: string }[]>`
      select local_id, data, sync_version, device_id from records where collection = 'orders' and not deleted`;
    return new Map(rows.map((row) => [row.local_id, row]));
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
    await this.stop();
    await this.database.drop();
  }
}

export class TestDevice {
  replica!: Replica;
  #isOpen = false;

  constructor(
    readonly identity: Identity,
    private readonly transport: TransportName,
    private readonly url: string,
    readonly memory: MemoryDatabase = new MemoryDatabase(),
  ) {}

  /** Opens the app again: what was in memory is lost, what was in the local database is not. */
  async open(overrides: Partial<Environment> = {}): Promise<void> {
    const env = browserEnvironment({
      openStore: async () => openMemoryStore(this.memory),
      openChannel: () => null,
      locks: null,
      ...overrides,
    });
    const sockets = webSocketLinks((url) => new WebSocket(url));
    const options: ReplicaOptions = {
      url: this.url,
      identity: this.identity,
      collections: SHOP_COLLECTIONS,
      live: this.transport === "http" ? [] : [this.transport],
      syncIntervalMs: 200,
    };
    this.replica = await createReplica(options, { ...env, openLink: { ...env.openLink, websocket: sockets } });
    this.#isOpen = true;
  }

  get orders() {
    return this.replica.collection(orders);
  }

  until<T>(source: Observable<T>, holds: (value: T) => boolean): Promise<T> {
    return until(source, holds);
  }

  /** Whether this device found itself equal to the server, and a hash of everything it shows. */
  async fingerprint(): Promise<string> {
    const { digestsEqual } = await firstValueFrom(this.replica.stats$);
    const shown = await Promise.all(
      [...SHOP_COLLECTIONS.values()].map(async (collection) => {
        const records = await this.replica.collection(collection).query();
        return records.map(({ localId, syncVersion, hash }) => `${collection.name}/${localId}/${syncVersion}/${hash}`);
      }),
    );
    return `${digestsEqual} ${hashOf(shown.flat().sort())}`;
  }

  async close(): Promise<void> {
    if (this.#isOpen) await this.replica.close();
    this.#isOpen = false;
  }
}

/** The first value that fits. Rejects, with the last one, when none came in time. */
export function until<T>(source: Observable<T>, holds: (value: T) => boolean, timeoutMs = 20_000): Promise<T> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    const timer = setTimeout(() => {
      subscription.unsubscribe();
      reject(new Error(`not in time; last: ${JSON.stringify(last)?.slice(0, 500)}`));
    }, timeoutMs);
    const subscription = source.subscribe((value) => {
      last = value;
      if (!holds(value)) return;
      clearTimeout(timer);
      queueMicrotask(() => subscription.unsubscribe());
      resolve(value);
    });
  });
}

function fasterBy(speed: number): Partial<Environment> {
  const { now, setTimer } = browserEnvironment();
  const startedAt = now();
  return {
    now: () => Math.round(startedAt + (now() - startedAt) * speed),
    setTimer: (run, delayMs) => setTimer(run, delayMs / speed),
  };
}

let made = 0;
export function newOrder(changes: Partial<Order> = {}): Order {
  made += 1;
  const id = changes.id ?? `order-${made}`;
  return {
    id,
    orderNumber: `T-${made}`,
    items: [
      { id: `${id}-1`, product: { id: "flat-white", name: "Flat White", price: 4.2, taxRate: 0.08 }, quantity: 1 },
    ],
    subtotal: 4.2,
    tax: 0.34,
    total: 4.54,
    paymentMethod: "CASH",
    paymentStatus: "PENDING",
    orderStatus: "PENDING",
    createdAt: 1_735_689_600_000 + made,
    ...changes,
  };
}
