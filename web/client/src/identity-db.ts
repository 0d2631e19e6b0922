/** Who this device is, in a database of its own: which store's database is its own is not known before. */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Identity } from "./api.ts";
import type { IdentityStore } from "./environment.ts";

interface Schema extends DBSchema {
  identity: { key: "device"; value: Identity };
}

/** Strict, as sales are: localStorage may lose its last seconds in a crash, and with the token the way to the outbox. */
export function indexedDbIdentity(name = "tillwire:identity"): IdentityStore {
  const write = (
    act: (identities: { put(value: Identity, key: "device"): unknown; delete(key: "device"): unknown }) => void,
  ) =>
    withDatabase(name, async (database) => {
      const tx = database.transaction("identity", "readwrite", { durability: "strict" });
      act(tx.store);
      await tx.done;
    });
  return {
    load: () => withDatabase(name, async (database) => (await database.get("identity", "device")) ?? null),
    save: (identity) => write((identities) => identities.put(identity, "device")),
    forget: () => write((identities) => identities.delete("device")),
  };
}

/** Opened for each use: it is used a few times in a device's life, and must not stand in the way of another tab's upgrade. */
async function withDatabase<R>(name: string, use: (database: IDBPDatabase<Schema>) => Promise<R>): Promise<R> {
  const database = await openDB<Schema>(name, 1, { upgrade: (db) => void db.createObjectStore("identity") });
  try {
    return await use(database);
  } finally {
    database.close();
  }
}
