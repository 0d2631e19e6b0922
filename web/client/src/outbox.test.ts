import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Base } from "@tillwire/protocol/messages";
import {
  enqueue,
  inChain,
  positionOf,
  ROW_TRANSITIONS,
  takeBatch,
  writeOf,
  type Draft,
  type OutboxRow,
} from "./outbox.ts";
import { settle } from "./settlement.ts";

const hash = (text: string) => text.padEnd(64, "0");
const draft = (text: string, more: Partial<Draft> = {}): Draft => ({
  ...{
    collection: "notes",
    localId: "n1",
    op: "put",
    hash: hash(text),
    data: { text },
    bytes: 10,
    at: 1,
    appendOnly: false,
  },
  ...more,
});
const server = (version: number): Base => ({ version, hash: hash(`s${version}`) });
const NEW: Base = { version: 0, hash: null };

let nextKey = 1;
/** The chain after one more write. */
function put(rows: readonly OutboxRow[], current: Base, text: string, more: Partial<Draft> = {}): OutboxRow[] {
  const plan = enqueue(rows, current, draft(text, more), nextKey++);
  const kept = rows.filter(
    (row) => !plan.remove.includes(row.key) && !plan.put.some((changed) => changed.key === row.key),
  );
  return [...kept, ...plan.put].sort((a, b) => a.key - b.key);
}
const sent = (row: OutboxRow): OutboxRow => ({ ...row, state: "sent" });
const rejected = (row: OutboxRow): OutboxRow => ({ ...row, state: "rejected", error: { code: "GUARD", message: "" } });

describe("enqueue", () => {
  it("a new record is made on version 0", () => {
    expect(put([], NEW, "a")).toMatchObject([{ base: NEW, syncVersion: 1, state: "queued" }]);
  });

  it("a write is made on the value at which it was read, one above it, whatever came in since", () => {
    expect(put([], server(5), "a", { readAt: server(3) })).toMatchObject([{ base: server(3), syncVersion: 4 }]);
  });

  it("a value that equals the current one was read at the current position", () => {
    expect(put([], server(5), "a", { readAt: { version: 2, hash: server(5).hash } })).toMatchObject([
      { base: server(5), syncVersion: 6 },
    ]);
  });

  it("unsent successive edits coalesce: first base, last value", () => {
    const rows = put(put(put([], server(3), "a"), server(3), "b"), server(9), "c");
    expect(rows).toMatchObject([{ base: server(3), data: { text: "c" }, syncVersion: 6 }]);
  });

  it("append-only collections do not coalesce, but chain their bases", () => {
    const rows = put(put([], NEW, "a", { appendOnly: true }), NEW, "b", { appendOnly: true });
    expect(rows).toMatchObject([{ base: NEW }, { base: { version: 1, hash: hash("a") }, syncVersion: 2 }]);
  });

  it("a write once sent is frozen; later edits gather in one tail behind it", () => {
    const first = put([], server(3), "a").map(sent);
    const rows = put(put(first, server(3), "b"), server(3), "c");
    expect(rows[0]).toEqual(first[0]);
    expect(rows.slice(1)).toMatchObject([
      { base: { version: 4, hash: hash("a") }, data: { text: "c" }, syncVersion: 6 },
    ]);
  });

  it("where a local write came between, the put queues behind it (traps 7, 15)", () => {
    const rows = put(put([], server(3), "a"), server(3), "b");
    // forms opened on the server's value, on the first edit and on the second all belong to this chain
    for (const readAt of [server(3), { version: 4, hash: hash("a") }, positionOf(rows[0]!)]) {
      expect(put(rows, server(3), "c", { readAt })).toMatchObject([{ base: server(3), data: { text: "c" } }]);
    }
  });

  it("S6 a form older than the chain is not slipped in behind it: it keeps its own base", () => {
    const rows = put(put([], server(5), "a"), server(5), "stale", { readAt: server(3) });
    expect(rows).toMatchObject([
      { base: server(5), data: { text: "a" } },
      { base: server(3), data: { text: "stale" }, syncVersion: 7 },
    ]);
  });

  it("an edit replaces the rejected write that it was made on, and inherits its base", () => {
    const rows = put(put([], server(3), "a").map(rejected), server(3), "b");
    expect(rows).toMatchObject([{ base: server(3), data: { text: "b" }, syncVersion: 5, state: "queued" }]);
    expect(rows[0]).not.toHaveProperty("error");
  });

  it("deleting what was never sent still tells the server, which leaves a tombstone", () => {
    const rows = put(put([], NEW, "a"), NEW, "", { op: "delete", data: null });
    expect(rows).toMatchObject([{ op: "delete", base: NEW, syncVersion: 2, data: null }]);
  });

  it("a re-offer is never edited: the edit queues behind it", () => {
    const offered = put([], NEW, "a").map((row) => ({
      ...row,
      base: null,
      reoffer: { deviceId: "b", createdBy: "b", updatedAt: 1 },
    }));
    const rows = put(offered, NEW, "b");
    expect(rows).toMatchObject([offered[0]!, { base: { version: 1, hash: hash("a") } }]);
    expect(writeOf(rows[0]!, "a")).toMatchObject({
      reoffer: true,
      deviceId: "b",
      createdBy: "b",
      updatedAt: 1,
      base: null,
    });
  });

  it("S2: of what counts, an edit of a value that another tab's edit came after stays apart, and both add up", () => {
    const counts = { counts: true };
    const rows = put(put([], server(1), "one", counts), server(1), "two", { ...counts, readAt: server(1) });
    expect(rows).toMatchObject([
      { base: server(1), syncVersion: 2, data: { text: "one" } },
      { base: server(1), syncVersion: 3, data: { text: "two" } },
    ]);
    const next = put(rows, server(1), "three", { ...counts, readAt: positionOf(rows[1]!) });
    expect(next).toMatchObject([rows[0]!, { base: server(1), syncVersion: 4, data: { text: "three" } }]);
  });

  it("a version beyond the last one is refused before anything is saved", () => {
    expect(() => put([], server(LIMITS.syncVersion), "a")).toThrow(
      expect.objectContaining({ code: "VERSION_EXHAUSTED" }),
    );
  });
});

describe("settle", () => {
  const result = { collection: "notes", localId: "n1" };
  function chain(): [OutboxRow, OutboxRow] {
    const rows = put(put([], server(3), "a").map(sent), server(3), "b");
    return [rows[0]!, rows[1]!];
  }

  it("an ack settles (localId, syncVersion, hash), never just the localId (trap 6)", () => {
    const [row, tail] = chain();
    expect(settle([row, tail], { ...row, hash: hash("z") }, { ...result, outcome: "accepted", seq: 9 }).row).toBeNull();
    expect(settle([row, tail], { ...row, syncVersion: 9 }, { ...result, outcome: "accepted", seq: 9 }).row).toBeNull();
    expect(settle([row, tail], tail, { ...result, outcome: "accepted", seq: 9 }).row).toBeNull();
    expect(settle([row, tail], row, { ...result, outcome: "accepted", seq: 9 })).toMatchObject({
      remove: [row.key],
      value: { seq: 9, asSent: true },
    });
  });

  it("as sent: the tail is rebased on it and versioned above it, and so is what follows", () => {
    const [row, tail] = chain();
    const third = { ...tail, key: 99, base: positionOf(tail), syncVersion: 6, hash: hash("c") };
    const { put: moved } = settle([row, tail, third], row, {
      ...result,
      outcome: "duplicate",
      seq: 9,
      syncVersion: 8,
      hash: row.hash,
    });
    expect(moved).toMatchObject([
      { base: { version: 8, hash: row.hash }, syncVersion: 9 },
      { base: { version: 9, hash: tail.hash }, syncVersion: 10 },
    ]);
    // a form that was open on the tail is still on the chain
    expect(inChain(moved, positionOf(tail))).toBe(true);
  });

  it("after rejected the tail replaces that write and inherits its base", () => {
    const [row, tail] = chain();
    const settled = settle([row, tail], row, { ...result, outcome: "rejected", code: "SCHEMA" });
    expect(settled).toMatchObject({
      remove: [row.key],
      put: [{ key: tail.key, base: server(3), data: { text: "b" } }],
      value: null,
    });
  });

  it("rejected without a tail it stays, with its reason", () => {
    const [row] = chain();
    expect(settle([row], row, { ...result, outcome: "rejected", code: "SCHEMA", message: "x" })).toMatchObject({
      put: [{ key: row.key, state: "rejected", error: { code: "SCHEMA", message: "x" } }],
      remove: [],
    });
  });

  it.each(["merged", "conflict"] as const)(
    "after %s the tail keeps the base that the person saw, below its version",
    (outcome) => {
      const [row, tail] = chain();
      const settled = settle([row, tail], row, {
        ...result,
        outcome,
        seq: 9,
        syncVersion: 7,
        hash: hash("x"),
        data: { text: "x" },
      });
      expect(settled).toMatchObject({
        put: [],
        remove: [row.key],
        value: { syncVersion: 7, data: { text: "x" }, asSent: false },
      });
      expect(tail.base!.version).toBeLessThan(tail.syncVersion);
    },
  );

  it("a server value whose data the result does not carry is left to the feed", () => {
    const [row] = chain();
    expect(settle([row], row, { ...result, outcome: "conflict", seq: 9, hash: hash("x") }).value).toBeNull();
    expect(
      settle([row], row, { ...result, outcome: "conflict", seq: 9, hash: hash("x"), deleted: true }).value,
    ).toMatchObject({ deleted: true, data: null });
  });
});

describe("takeBatch", () => {
  const row = (key: number, localId: string, more: Partial<OutboxRow> = {}): OutboxRow => ({
    ...enqueue([], NEW, draft("a", { localId }), key).put[0]!,
    ...more,
  });
  const limits = { writes: 3, bytes: 1_000_000 };

  it("S7 oldest first, one of each record: a tail waits for its predecessor's result", () => {
    const rows = [row(1, "x"), row(2, "x"), row(3, "y")];
    expect(takeBatch(rows, limits).map(({ key }) => key)).toEqual([1, 3]);
  });

  it("L2 a rejected write delays nothing", () => {
    expect(takeBatch([row(1, "x", { state: "rejected" }), row(2, "y")], limits).map(({ key }) => key)).toEqual([2]);
  });

  it("keeps to both limits, but takes one write whatever its size", () => {
    expect(
      takeBatch(
        [1, 2, 3, 4].map((key) => row(key, `n${key}`)),
        limits,
      ),
    ).toHaveLength(3);
    expect(takeBatch([row(1, "x", { bytes: 2_000_000 }), row(2, "y")], limits)).toHaveLength(1);
  });
});

it("every event has an answer in every state, and only a result removes what was sent", () => {
  for (const answers of Object.values(ROW_TRANSITIONS)) {
    expect(Object.keys(answers).sort()).toEqual(["discarded", "edited", "pushed", "refused", "retried", "settled"]);
  }
  const { sent: frozen } = ROW_TRANSITIONS;
  expect(
    Object.entries(frozen)
      .filter(([, next]) => next === "gone")
      .map(([event]) => event),
  ).toEqual(["settled"]);
});

describe("whatever happens to a chain", () => {
  type Event = "put" | "stale" | "delete" | "push" | "accept" | "duplicate" | "merge" | "conflict" | "reject" | "retry";
  const events = fc.array(
    fc.constantFrom<Event>(
      "put",
      "put",
      "stale",
      "delete",
      "push",
      "push",
      "accept",
      "duplicate",
      "merge",
      "conflict",
      "reject",
      "retry",
    ),
    { maxLength: 40 },
  );

  it("S8 the last edit is held until the server's word, versions rise along the chain, bases lie below, frozen rows stay as they are", () => {
    fc.assert(
      fc.property(events, (list) => {
        let rows: OutboxRow[] = [];
        let current = server(3);
        let count = 0;
        let last = "";
        const frozen = new Map<number, OutboxRow>();
        for (const event of list) {
          const head = rows.find((row) => row.state !== "rejected");
          const word = { collection: "notes", localId: "n1", seq: 1 };
          switch (event) {
            case "put":
            case "stale":
            case "delete":
              last = `v${++count}`;
              rows = put(rows, current, last, {
                ...(event === "stale" ? { readAt: server(1) } : {}),
                ...(event === "delete" ? { op: "delete" as const } : {}),
              });
              break;
            case "push":
              if (head) {
                rows = rows.map((row) => (row === head ? sent(row) : row));
                frozen.set(head.key, sent(head));
              }
              break;
            case "retry":
              rows = rows.map((row) => (row.state === "rejected" ? { ...row, state: "queued" as const } : row));
              break;
            default: {
              if (head?.state !== "sent") break;
              const version = current.version + 10;
              const theirs = { syncVersion: version, hash: hash(`s${version}`), data: {} };
              const result =
                event === "accept"
                  ? { ...word, outcome: "accepted" as const, syncVersion: head.syncVersion, hash: head.hash }
                  : event === "duplicate"
                    ? { ...word, outcome: "duplicate" as const, syncVersion: version, hash: head.hash }
                    : event === "reject"
                      ? { ...word, outcome: "rejected" as const, code: "GUARD" }
                      : {
                          ...word,
                          outcome: event === "merge" ? ("merged" as const) : ("conflict" as const),
                          ...theirs,
                        };
              const plan = settle(rows, head, result);
              expect(plan.row).toEqual(frozen.get(head.key));
              const kept = rows.filter(
                (row) => !plan.remove.includes(row.key) && !plan.put.some(({ key }) => key === row.key),
              );
              rows = [...kept, ...plan.put].sort((a, b) => a.key - b.key);
              frozen.delete(head.key);
              if (plan.value) current = { version: plan.value.syncVersion, hash: plan.value.hash };
              // its own word was spoken
              if (head.hash === hash(last) && !rows.some(({ key }) => key === head.key)) last = "";
            }
          }
          for (const [i, row] of rows.entries()) {
            expect(row.base!.version).toBeLessThan(row.syncVersion);
            if (i > 0) expect(row.syncVersion).toBeGreaterThan(rows[i - 1]!.syncVersion);
            if (row.state === "sent") expect(row).toEqual(frozen.get(row.key));
          }
          if (last !== "") expect(rows.map((row) => row.hash)).toContain(hash(last));
        }
      }),
      { numRuns: 500 },
    );
  });
});
