/** Versions of a record, for people: who changed what, when. What was superseded is not replicated, so devices ask. */
import { ReplicationError } from "@tillwire/protocol/errors";
import type { Gate } from "./gate.ts";
import type { HistoryStore } from "./store/history-store.ts";

export interface HistoryRequest {
  readonly storeId: string;
  readonly collection: string;
  readonly localId: string;
  /** syncVersion, exclusive; null: from the current one. */
  readonly before: number | null;
  /** null: as many as a page holds. */
  readonly limit: number | null;
}

export interface History {
  /**
   * A `RecordHistory` as JSON text: data travels as the database has it.
   * @throws ReplicationError NOT_FOUND, UNAVAILABLE
   */
  read(request: HistoryRequest): Promise<string>;
}

const PAGE_VERSIONS = 50;
const PAGE_BYTES = 1024 * 1024;

export function createHistory(store: HistoryStore, gate: Gate): History {
  return {
    async read({ storeId, collection, localId, before, limit }) {
      const most = Math.min(Math.max(1, limit ?? PAGE_VERSIONS), PAGE_VERSIONS);
      const query = { storeId, collection, localId, before, limit: most, maxBytes: PAGE_BYTES };
      const page = await gate.run(() => store.read(query), storeId);
      if (!page) throw new ReplicationError("NOT_FOUND", "no such record");
      const versions = page.versions.map(({ json }) => json).join(",");
      return `{"collection":"${collection}","localId":"${localId}","versions":[${versions}],"nextBefore":${page.nextBefore ?? "null"}}`;
    },
  };
}
