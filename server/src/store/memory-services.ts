/** A whole database in memory, as a node takes it. What only administrators read (audit trail, lists of conflicts, history) is not kept there. */
import type { Database, NoticeBoard } from "./database.ts";
import type { MemoryDatabase } from "./memory-database.ts";
import { createMemoryDevices, createMemoryEnrolments } from "./memory-devices.ts";
import { createMemorySeedQueries } from "./memory-seed-queries.ts";
import { createMemoryShops } from "./memory-shops.ts";
import { createMemoryStore } from "./memory-store.ts";

const notKept = async (): Promise<never> => {
  throw new Error("the database in memory keeps nothing of this");
};

/** @param board by which the nodes that share the database hear of each other */
export function memoryDatabaseServices(database: MemoryDatabase, board: NoticeBoard): Database {
  return {
    store: createMemoryStore(database),
    devices: createMemoryDevices(database),
    shops: createMemoryShops(database),
    enrolments: createMemoryEnrolments(database),
    audit: { write: async () => undefined, list: notKept },
    conflicts: { list: notKept, count: notKept },
    history: { read: notKept },
    seedQueries: createMemorySeedQueries(database),
    board,
  };
}
