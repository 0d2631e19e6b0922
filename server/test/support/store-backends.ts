/** The databases that the conformance suite asks the same of: the twin in memory, and PostgreSQL (embedded, or the one of DATABASE_URL). */
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import { MemoryDatabase, MemoryShop } from "../../src/store/memory-database.ts";
import { NEW_DEVICE } from "../../src/store/memory-devices.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import type { ReplicationStore } from "../../src/store/store.ts";
import { createTestDatabase } from "./database.ts";

export interface StoreBackend {
  readonly store: ReplicationStore;
  /** A new shop in epoch `epoch-1`. */
  openShop(storeId: string): Promise<void>;
  enrol(storeId: string, deviceId: string): Promise<void>;
  revoke(storeId: string, deviceId: string): Promise<void>;
  setPolicy(storeId: string, collection: string, policy: ConflictPolicy | null): Promise<void>;
  close(): Promise<void>;
}

export async function memoryBackend(): Promise<StoreBackend & { readonly database: MemoryDatabase }> {
  const database = new MemoryDatabase(() => 1_767_225_600_000);
  const shopOf = (storeId: string): MemoryShop => database.shops.get(storeId)!;
  return {
    database,
    store: createMemoryStore(database),
    openShop: async (storeId) => void database.shops.set(storeId, new MemoryShop(storeId, storeId, "epoch-1")),
    enrol: async (storeId, deviceId) => {
      shopOf(storeId).devices.set(deviceId, {
        ...{ ...NEW_DEVICE, deviceId, name: deviceId, role: "register", registerCode: deviceId, createdAt: 0 },
        tokenHash: `${storeId}/${deviceId}`,
      });
    },
    revoke: async (storeId, deviceId) => {
      const { devices } = shopOf(storeId);
      const device = devices.get(deviceId);
      if (device) devices.set(deviceId, { ...device, revokedAt: 1 });
    },
    setPolicy: async (storeId, collection, policy) => void shopOf(storeId).setPolicies(new Map([[collection, policy]])),
    close: async () => undefined,
  };
}

export async function postgresBackend(): Promise<StoreBackend> {
  const database = await createTestDatabase();
  const { sql } = database;
  return {
    store: createPostgresStore(sql),
    openShop: async (storeId) =>
      void (await sql`insert into stores (id, name, epoch) values (${storeId}, ${storeId}, 'epoch-1')`),
    enrol: async (storeId, deviceId) =>
      void (await sql`
        insert into devices (store_id, id, role, name, register_code, token_hash)
        values (${storeId}, ${deviceId}, 'register', ${deviceId}, ${deviceId}, ${`${storeId}/${deviceId}`}) on conflict do nothing`),
    revoke: async (storeId, deviceId) => void (await sql`select revoke_device(${storeId}, ${deviceId})`),
    setPolicy: async (storeId, collection, policy) =>
      void (await sql`select set_policies(${storeId}, ${JSON.stringify({ [collection]: policy })}::text::json, 'admin')`),
    close: () => database.drop(),
  };
}

export const BACKENDS = { memory: memoryBackend, postgresql: postgresBackend } as const;
