/** A large batch of one shop keeps nobody of another waiting. */
import { pino } from "pino";
import { expect, test } from "vitest";
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

function setUp() {
  const soon: (() => void)[] = [];
  const submitted: number[] = [];
  const services = {
    accept: {
      async submit(_device: unknown, _epoch: string, writes: readonly SubmittedWrite[]) {
        submitted.push(writes.length);
        const results = writes.map(({ write }): Result => {
          const { collection, localId } = write as { collection: string; localId: string };
          return { collection, localId, outcome: "accepted", seq: 1, syncVersion: 1 };
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
