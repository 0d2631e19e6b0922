import { expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import { SERVED_KEPT, SERVED_KEPT_MS, ticketsInSight } from "./served-window.ts";

const record = (localId: string, updatedAt: number, state = "served") =>
  ({ localId, updatedAt, data: { state } }) as ReplicaRecord<unknown>;
const ids = (records: readonly ReplicaRecord<unknown>[]) => records.map(({ localId }) => localId);

test("every open ticket stays in memory, and the last that were served, for some hours", () => {
  const served = Array.from({ length: 100 }, (_, i) => record(`s${i}`, 1_000 + i));
  const open = Array.from({ length: 100 }, (_, i) => record(`o${i}`, i, "ready"));
  const kept = ticketsInSight([...served, ...open], 2_000);
  expect(ids(kept)).toEqual([...ids(open), ...ids(served.slice(-SERVED_KEPT).reverse())]);
  expect(ticketsInSight(served, 1_099 + SERVED_KEPT_MS)).toEqual([]);
});
