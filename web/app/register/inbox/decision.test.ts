import { expect, test } from "vitest";
import type { OutboxEntry } from "@tillwire/client/api";
import { decisionOf } from "./decision.ts";

const entry = (key: number, state: OutboxEntry["state"], resolves?: string): OutboxEntry => ({
  ...{ key, collection: "orders", localId: "o1", op: "put", syncVersion: 2, createdAt: 0, state, data: {} },
  ...(resolves === undefined ? {} : { resolves }),
});

test("a decision waits for as long as its write is in the outbox, under whatever id that is", () => {
  expect(decisionOf("c1", [entry(1, "queued", "c1")])).toEqual({ state: "waiting" });
  expect(decisionOf("c1", [{ ...entry(1, "sent", "c1"), localId: "o2" }])).toEqual({ state: "waiting" });
  expect(decisionOf("c1", [])).toEqual({ state: "none" });
});
test("an edit of the same record, and a decision about another conflict, are no decision about this one", () => {
  expect(decisionOf("c1", [entry(1, "queued"), entry(2, "queued", "c2")])).toEqual({ state: "none" });
});
test("a refused decision is told, until another one waits", () => {
  const refused = entry(1, "rejected", "c1");
  expect(decisionOf("c1", [refused])).toEqual({ state: "refused", entry: refused });
  expect(decisionOf("c1", [refused, entry(2, "queued", "c1")])).toEqual({ state: "waiting" });
});
