/** Guards under every policy: what must not happen does not, whatever decides, and is an outcome with a code, never an exception. */
import type { Base, ConflictPolicy, Result, Write } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { POLICIES } from "./conflict-table.ts";
import { conflictsOf, recordOf, setPolicy, settling } from "./support/conflict-fixture.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, NEW, openShop, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
let failures: unknown[];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  failures = [];
  shop = await openShop(database.sql, { observer: { failed: (_storeId, error) => failures.push(error) } });
});
afterEach(async () => {
  expect(failures, "never an exception").toEqual([]);
  await checkStore(database.sql, shop.storeId);
});

async function pushed(device: string, write: Write): Promise<Result> {
  return (await shop.push(device, write))[0]!;
}

interface Case {
  readonly name: string;
  readonly collection: "orders" | "transactions";
  readonly first: Order | Transaction;
  /** What then stands. */
  readonly current: Order | Transaction;
  /** What must not come after it; null: a deletion. */
  readonly broken: Order | Transaction | null;
}

const open = order("x");
const paid = order("x", { paymentStatus: "PAID" });
const pending = transaction("x", { status: "PENDING" });
const completed = transaction("x");
const CASES: readonly Case[] = [
  { name: "paid never becomes unpaid", broken: { ...open, notes: "B" } },
  { name: "a payment that was taken does not fail after all", broken: order("x", { paymentStatus: "FAILED" }) },
  { name: "the items of a paid order stay", broken: { ...paid, items: [] } },
  { name: "the total of a paid order stays", broken: { ...paid, total: 1 } },
].map((each) => ({ ...each, collection: "orders" as const, first: open, current: paid }));
const STATUS_CASES: readonly Case[] = (
  [
    ["COMPLETED", "PENDING"],
    ["COMPLETED", "CANCELLED"],
    ["CANCELLED", "COMPLETED"],
    ["REFUNDED", "COMPLETED"],
  ] as const
).map(([from, to]) => ({
  name: `an order does not go from ${from} to ${to}`,
  ...{ collection: "orders", first: open },
  current: order("x", { orderStatus: from }),
  broken: order("x", { orderStatus: to, notes: "B" }),
}));
const TRANSACTION_CASES: readonly Case[] = [
  { name: "the amount of a completed transaction stays", broken: { ...completed, amount: 1 } },
  { name: "a completed transaction is not pending again", broken: { ...pending, notes: "B" } },
  { name: "a completed transaction does not fail", broken: { ...completed, status: "FAILED" as const } },
  { name: "a completed transaction is never deleted", broken: null },
].map((each) => ({ ...each, collection: "transactions" as const, first: pending, current: completed }));

const everyCase = [...CASES, ...STATUS_CASES, ...TRANSACTION_CASES].flatMap((each) =>
  POLICIES.map((policy): [string, Case, ConflictPolicy] => [`${each.name}: ${policy}`, each, policy]),
);

describe("S9: a guard holds", () => {
  test.each(everyCase)("%s", async (_name, { collection, first, current, broken }, policy) => {
    await setPolicy(database.sql, shop, policy, collection);
    const one = at(await pushed("a", put(collection, "x", first)));
    const two = at(await pushed("a", put(collection, "x", current, 2, one)));
    const write = (version: number, base: Base | null): Write =>
      broken ? put(collection, "x", broken, version, base) : remove(collection, "x", version, base);
    const stands = async () =>
      expect(await recordOf(database.sql, shop, collection, "x")).toMatchObject({
        version: 2,
        data: current,
        deleted: false,
      });

    // Made on the value that stands, by whoever; and by existing devices, which name no base.
    for (const base of [two, null])
      expect(await pushed("b", write(3, base))).toMatchObject({ outcome: "rejected", code: "GUARD", syncVersion: 2 });
    await stands();

    // Made on what was before: a conflict, which the policy does not get to settle against the guard.
    const late = await pushed("b", write(2, one));
    const merges = policy === "MERGE" && late.outcome === "merged";
    if (!merges) {
      expect(late).toMatchObject({ outcome: "conflict", conflict: { policy: "SERVER_WINS" } });
      expect(await conflictsOf(database.sql, shop)).toMatchObject([{ status: "settled", settlement: "SERVER" }]);
      await stands();
    } else {
      // Merging found a value that keeps the guard: what was frozen is as it was.
      const now = (await recordOf(database.sql, shop, collection, "x"))!.data;
      for (const field of ["items", "total", "paymentStatus", "orderStatus", "status", "amount"])
        expect(now[field]).toEqual((current as unknown as Record<string, unknown>)[field]);
    }
  });

  test.each(POLICIES)("a deletion is no way around it: %s", async (policy) => {
    await setPolicy(database.sql, shop, policy);
    const one = at(await pushed("a", put("orders", "x", paid)));
    const gone = at(await pushed("a", remove("orders", "x", 2, one)));
    expect(await pushed("b", put("orders", "x", open, 3, gone))).toMatchObject({ outcome: "rejected", code: "GUARD" });
    expect(await pushed("b", put("orders", "x", open, 3, one))).toMatchObject({ outcome: "conflict", deleted: true });
    expect(await conflictsOf(database.sql, shop)).toMatchObject([{ status: "settled", settlement: "SERVER" }]);
  });

  test("nor is an answer to a conflict, which waits on", async () => {
    await setPolicy(database.sql, shop, "MANUAL");
    const one = at(await pushed("a", put("orders", "x", open)));
    const two = at(await pushed("a", put("orders", "x", { ...open, notes: "A" }, 2, one)));
    const { conflict } = await pushed("b", put("orders", "x", { ...open, notes: "B" }, 2, one));
    const three = at(await pushed("a", put("orders", "x", { ...paid, notes: "A" }, 3, two)));
    const answer = settling(conflict!.id, put("orders", "x", { ...open, notes: "B" }, 4, three));
    expect(await pushed("b", answer)).toMatchObject({ outcome: "rejected", code: "GUARD" });
    expect(await conflictsOf(database.sql, shop)).toMatchObject([{ status: "open" }]);
    const allowed = settling(conflict!.id, put("orders", "x", { ...paid, notes: "B" }, 4, three));
    expect((await pushed("b", allowed)).outcome).toBe("accepted");
  });

  test.each(POLICIES)("two records of one id: neither is held to the other's past: %s", async (policy) => {
    await setPolicy(database.sql, shop, policy, "transactions");
    await pushed("a", put("transactions", "x", completed));
    const lost = await pushed("b", put("transactions", "x", { ...pending, amount: 9 }, 1, NEW));
    expect(lost).toMatchObject({ outcome: "conflict", conflict: { kind: "ID_TAKEN", policy: "MANUAL" } });
  });
});
