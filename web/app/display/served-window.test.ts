import { expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import { SERVED_KEPT, SERVED_KEPT_MS, servedWindow } from "./served-window.ts";

const record = (localId: string, updatedAt: number, state = "served") =>
  ({ localId, updatedAt, data: { state } }) as ReplicaRecord<unknown>;

test("every open ticket stays, and the last that were served, in whatever order they are asked for", () => {
  const keeps = servedWindow(() => 10_000);
  const served = Array.from({ length: 100 }, (_, i) => record(`s${i}`, i));
  for (const records of [served, served.toReversed(), served]) {
    const kept = records.filter(keeps).filter(keeps);
    expect(kept.map(({ localId }) => localId).sort()).toEqual(
      served
        .slice(-SERVED_KEPT)
        .map(({ localId }) => localId)
        .sort(),
    );
  }
  expect(Array.from({ length: 100 }, (_, i) => record(`o${i}`, i, "ready")).every(keeps)).toBe(true);
});
test("one that is called back makes room, and after some hours all are gone", () => {
  let now = 1_000;
  const keeps = servedWindow(() => now);
  for (let i = 0; i < SERVED_KEPT; i++) keeps(record(`s${i}`, 100 + i));
  expect(keeps(record("early", 50))).toBe(false);
  keeps(record("s0", 500, "ready"));
  expect(keeps(record("early", 50))).toBe(true);
  now += SERVED_KEPT_MS;
  expect(keeps(record("s5", 105))).toBe(false);
});
