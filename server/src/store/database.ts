/** All that a node asks of its database, by what it is about. PostgreSQL is the real one; memory-database.ts is its twin. */
import type { Sql } from "postgres";
import { createAuditStore, type AuditStore } from "./audit-store.ts";
import { createConflictQueries, type ConflictQueries } from "./conflict-queries.ts";
import { createDeviceStore, type DeviceStore } from "./device-store.ts";
import { createEnrolmentStore, type EnrolmentStore } from "./enrolment-store.ts";
import { createHistoryStore, type HistoryStore } from "./history-store.ts";
import { createPostgresStore } from "./postgres-store.ts";
import { createSeedQueries, type SeedQueries } from "./seed-queries.ts";
import { createShopStore, type ShopStore } from "./shop-store.ts";
import type { ReplicationStore } from "./store.ts";

/** Short texts from node to node. Whatever they say is a hint, and some get lost. */
export interface NoticeBoard {
  /** @param listening called whenever a connection to listen on was made, first or again */
  listen(
    channel: string,
    hear: (payload: string) => void,
    listening: () => void,
  ): Promise<{ unlisten(): Promise<void> }>;
  notify(channel: string, payload: string): Promise<unknown>;
}

export interface Database {
  readonly store: ReplicationStore;
  readonly devices: DeviceStore;
  readonly shops: ShopStore;
  readonly enrolments: EnrolmentStore;
  readonly audit: AuditStore;
  readonly conflicts: ConflictQueries;
  readonly history: HistoryStore;
  readonly seedQueries: SeedQueries;
  readonly board: NoticeBoard;
}

export function postgresDatabase(sql: Sql): Database {
  return {
    store: createPostgresStore(sql),
    devices: createDeviceStore(sql),
    shops: createShopStore(sql),
    enrolments: createEnrolmentStore(sql),
    audit: createAuditStore(sql),
    conflicts: createConflictQueries(sql),
    history: createHistoryStore(sql),
    seedQueries: createSeedQueries(sql),
    board: sql,
  };
}
