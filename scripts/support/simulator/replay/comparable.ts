/** Answers of the twin and of PostgreSQL in a form in which equal ones are equal: without what each may do as it likes. */
import { StoreDataError, StoreUnavailable, type FeedPage } from "@tillwire/server/store/store";
import type { Outcome, RecordedCall } from "./recording.ts";

export type Call = Pick<RecordedCall, "service" | "method" | "args">;

/** @returns both, as they are to be compared */
export function comparable(call: Call, twin: Outcome, real: Outcome): [unknown, unknown] {
  const name = `${call.service}.${call.method}`;
  // Which database this is, each says for itself.
  if (name === "shops.readDatabaseIdentity") return [null, null];
  if ("error" in twin || "error" in real) return [plainOutcome(twin), plainOutcome(real)];
  if (name === "store.readFeed") return comparablePages(twin.value as FeedPage, real.value as FeedPage);
  return [adjusted(name, plain(twin.value)), adjusted(name, plain(real.value))];
}

function plainOutcome(outcome: Outcome): unknown {
  if ("value" in outcome) return { value: plain(outcome.value) };
  const { error } = outcome;
  if (error instanceof StoreDataError) return { refused: error.sqlState };
  return { failed: error instanceof StoreUnavailable ? "unavailable" : String(error) };
}

/** Lists that no order is promised for, and times that a table's default sets. */
function adjusted(name: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  switch (name) {
    case "devices.list":
      return sorted(value.map((row) => ({ ...(row as object), createdAt: "then" })));
    case "devices.revokedAmong":
    case "devices.revokedLately":
    case "devices.replacedAmong":
    case "seedQueries.readRecords":
    case "seedQueries.readOrders":
    case "store.readHeads":
      return sorted(value);
    default:
      return value;
  }
}

/**
 * Both end a page by its bytes, and the same JSON is not of the same length in both: where a page ends is not compared, what it holds is.
 */
function comparablePages(twin: FeedPage, real: FeedPage): [unknown, unknown] {
  const to = Math.min(twin.to, real.to);
  const isCut = twin.to !== real.to && to < twin.head;
  const page = ({ changes, to: own, ...rest }: FeedPage): unknown => ({
    ...(plain(rest) as object),
    to: isCut ? to : own,
    changes: changes
      .filter(({ seq }) => seq <= to)
      .map(({ seq, collection, json }) => ({ seq, collection, change: JSON.parse(json) as unknown })),
  });
  return [page(twin), page(real)];
}

function sorted(values: readonly unknown[]): readonly unknown[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Of plain objects and arrays, whatever it was made of. Members that are undefined are none. */
export function plain(value: unknown): unknown {
  if (value instanceof Map) return { map: plain(Object.fromEntries(value)) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, plain(each)]));
}
