/** A large batch of one shop keeps nobody of another waiting. */
import { pino } from "pino";
import { expect, test } from "vitest";
import type { BatchResponse } from "@tillwire/protocol/batch-api";
import type { Result } from "@tillwire/protocol/messages";
import { order, transaction } from "../test/support/shop-fixture.ts";
import type { SubmittedWrite } from "./accept.ts";
import { createGate } from "./gate.ts";
import { createMetrics } from "./metrics.ts";
import { createSeedDoor } from "./seed-door.ts";
import type { SessionServices } from "./session-services.ts";
import type { SeedQueries } from "./store/seed-queries.ts";
import { Turns } from "./turns.ts";

const device = { storeId: "shop", deviceId: "a", role: "register", name: "A" } as const;

function setUp(conflict?: Result["conflict"]) {
  const soon: (() => void)[] = [];
  const submitted: number[] = [];
  const services = {
    accept: {
      async submit(_device: unknown, _epoch: string, writes: readonly SubmittedWrite[]) {
        submitted.push(writes.length);
        const results = writes.map(({ write }): Result => {
          const { collection, localId } = write as { collection: string; localId: string };
          const told = { collection, localId, seq: 1, syncVersion: 1 };
          return conflict ? { ...told, outcome: "conflict", conflict } : { ...told, outcome: "accepted" };
        });
        return { results, filedUnder: new Map() };
      },
    },
    feed: { readHead: async () => ({ storeId: "shop", epoch: "e", head: 0, stamp: null }) },
    tokens: { format: () => "t" },
    turns: new Turns((run) => soon.push(run)),
    metrics: createMetrics(),
    log: pino({ level: "silent" }),
    runtime: { now: () => 0 },
  } as unknown as SessionServices;
  const queries: Partial<SeedQueries> = {
    readUpdates: async () => ({ records: [], epoch: "e", from: 0, to: 0, head: 0, stamp: null }),
    readRecords: async () => [],
    readOrders: async () => [],
    readOrderIds: async () => new Map(),
  };
  const door = createSeedDoor(services, queries as SeedQueries, createGate({ running: 4, waiting: 10 }));
  return { door, soon, submitted, turns: services.turns };
}

test("its items are read in turns with what other shops send", async () => {
  const { door, soon, submitted, turns } = setUp();
  const orders = Array.from({ length: 100 }, (_, i) => ({ localId: `o${i}`, order: order(`o${i}`) }));
  const transactions = orders.map(({ localId }) => ({ localId: `t-${localId}`, transaction: transaction(localId) }));
  const answer = door.batch(device, { deviceId: "a", orders, transactions }, "r");
  const others: number[] = [];
  let passed = 0;
  const isAnswered = answer.then(() => true);
  while (!(await Promise.race([isAnswered, new Promise<false>((no) => setImmediate(() => no(false)))]))) {
    if (submitted.length === 0) turns.one("quiet", () => others.push(passed));
    soon.shift()?.();
    passed += 1;
  }
  expect(submitted).toEqual([100, 100]);
  // The orders alone take four turns, and the other shop had its own between them.
  expect(others.length).toBeGreaterThanOrEqual(4);
  const { syncedOrders, syncedTransactions } = await answer;
  expect([syncedOrders.length, syncedTransactions.length]).toEqual([100, 100]);
});

test("an answer tells of every item, and what differs as far as there is room", async () => {
  const fields = [
    { field: "notes", localValue: "x".repeat(4_000), serverValue: "y".repeat(4_000), resolution: "SERVER" },
  ];
  const { door, soon } = setUp({
    id: "c-1",
    kind: "HASH_MISMATCH",
    policy: "SERVER_WINS",
    fields,
  } as Result["conflict"]);
  const orders = Array.from({ length: 1_000 }, (_, i) => ({ localId: `o${i}`, order: order(`o${i}`) }));
  let answer: BatchResponse | null = null;
  void door.batch(device, { deviceId: "a", orders }, "r").then((told) => (answer = told));
  while (answer === null) {
    soon.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { syncedOrders } = answer as BatchResponse;
  expect(syncedOrders.map(({ success }) => success)).toEqual(orders.map(() => false));
  expect(syncedOrders[0]!.conflicts).toHaveLength(1);
  expect(syncedOrders.at(-1)!.conflicts).toEqual([]);
  expect(JSON.stringify(syncedOrders).length).toBeLessThan(3 * 1024 * 1024);
});
