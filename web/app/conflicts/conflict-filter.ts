/** Which conflicts are shown, and in which order. Pure. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { isObject } from "@tillwire/protocol/differences";

export interface ConflictFilter {
  readonly status: "open" | "settled" | "all";
  /** "": every one. */
  readonly collection: string;
  readonly deviceId: string;
  readonly search: string;
}
interface Listed {
  readonly localId: string;
  readonly data: ConflictData;
}

/** What people look for a record by. */
const SEARCHED = ["orderNumber", "referenceNumber", "name", "customerName", "tableName"];

/** Open ones first, the newest on top; then what was settled last. */
export function listConflicts<T extends Listed>(all: readonly T[], filter: ConflictFilter): T[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  return all
    .filter(
      ({ data }) => matches(data, filter) && words.every((word) => textsOf(data).some((text) => text.includes(word))),
    )
    .sort((a, b) => rank(b.data) - rank(a.data) || timeOf(b.data) - timeOf(a.data) || (a.localId < b.localId ? -1 : 1));
}

/** The collections and devices that conflicts name: what there is to filter by. */
export function filterChoices(all: readonly Listed[]): { collections: string[]; deviceIds: string[] } {
  return {
    collections: [...new Set(all.map(({ data }) => data.collection))].sort(),
    deviceIds: [...new Set(all.flatMap(({ data }) => [data.client.deviceId, data.server.deviceId]))].sort(),
  };
}

function matches(data: ConflictData, { status, collection, deviceId }: ConflictFilter): boolean {
  return (
    (status === "all" || data.status === status) &&
    (collection === "" || data.collection === collection) &&
    (deviceId === "" || data.client.deviceId === deviceId || data.server.deviceId === deviceId)
  );
}

function rank({ status }: ConflictData): number {
  return status === "open" ? 1 : 0;
}

function timeOf({ settledAt, createdAt }: ConflictData): number {
  return settledAt ?? createdAt;
}

function textsOf({ id, recordId, server, client }: ConflictData): string[] {
  const named = [server.data, client.data].flatMap((data) =>
    isObject(data) ? SEARCHED.map((name) => data[name]) : [],
  );
  return [id, recordId, ...named].filter((text) => typeof text === "string").map((text) => text.toLowerCase());
}
