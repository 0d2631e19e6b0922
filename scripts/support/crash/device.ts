/** A real replica in Node, its local database in memory, its cable a proxy that fails, and every word on it overheard. */
import type { Identity, Replica } from "@tillwire/client/api";
import { browserEnvironment } from "@tillwire/client/browser";
import type { MetaRows } from "@tillwire/client/local-store";
import { MemoryDatabase, openMemoryStore } from "@tillwire/client/memory-store";
import { createReplica } from "@tillwire/client/replica";
import { webSocketLinks } from "@tillwire/client/transports/websocket";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { filter, firstValueFrom } from "rxjs";
import { WebSocket } from "ws";
import type { FaultProxy } from "../fault-proxy.ts";
import type { CheckedMachine } from "../simulator/checks.ts";
import type { Witness } from "./testimony.ts";

export const TRANSPORTS = ["socket.io", "websocket", "http"] as const;

export interface DeviceOptions {
  readonly name: string;
  /** Index of its shop. */
  readonly shop: number;
  readonly identity: Identity;
  readonly transport: (typeof TRANSPORTS)[number];
  readonly cable: FaultProxy;
  readonly witness: Witness;
}

export class CrashDevice implements CheckedMachine {
  readonly name: string;
  readonly plan: { readonly shop: number };
  readonly identity: Identity;
  readonly disk: { readonly database: MemoryDatabase };
  readonly cable: FaultProxy;
  /** Every edit made here gets the next number. */
  edits = 0;
  /** Head of the shop after its revocation was confirmed. */
  revokedAtHead: number | null = null;

  private constructor(
    { name, shop, identity, cable }: DeviceOptions,
    readonly replica: Replica,
    database: MemoryDatabase,
  ) {
    this.name = name;
    this.plan = { shop };
    this.identity = identity;
    this.cable = cable;
    this.disk = { database };
  }

  /** Resolves when it has a link. */
  static async open(options: DeviceOptions): Promise<CrashDevice> {
    const database = new MemoryDatabase();
    const env = browserEnvironment({
      openStore: async () => openMemoryStore(database),
      openChannel: () => null,
      locks: null,
    });
    const openLink = { ...env.openLink, websocket: webSocketLinks((url) => new WebSocket(url)) };
    const { identity, transport, cable, witness } = options;
    const live = transport === "http" ? [] : [transport];
    const replica = await createReplica(
      { url: cable.url, identity, collections: SHOP_COLLECTIONS, live, syncIntervalMs: 200 },
      witness.overhear({ ...env, openLink }),
    );
    await firstValueFrom(replica.link$.pipe(filter(({ state }) => state === "live" || state === "polling")));
    return new CrashDevice(options, replica, database);
  }

  get sync(): MetaRows["sync"] | undefined {
    return this.disk.database.meta.get("sync") as MetaRows["sync"] | undefined;
  }

  /** L1: nothing waits, and the replica stands at that head and found itself equal to the server. */
  isSettledAt(head: number): boolean {
    const { sync } = this;
    if (!sync || sync.cursor !== head || sync.base !== sync.visible || sync.digestsEqual !== true) return false;
    const isLaid = [...this.disk.database.overlays.values()].some(({ collection }) => collection !== "conflicts");
    return !isLaid && this.disk.database.outbox.size === 0;
  }

  async close(): Promise<void> {
    await this.replica.close();
    await this.cable.close();
  }
}
