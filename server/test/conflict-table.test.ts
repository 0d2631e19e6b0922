/** Plays every case of the conflict table through the real accept on a real PostgreSQL. */
import type { ConflictPolicy, Result, Write } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import { describe, expect, test } from "vitest";
import {
  ANSWERS,
  CONFLICT_TABLE,
  KINDS,
  OPERATIONS,
  POLICIES,
  SETTLING_TABLE,
  SITUATIONS,
  type Answer,
  type Row,
  type Situation,
} from "./conflict-table.ts";
import { conflictsOf, recordOf, setPolicy, settling } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { openShopForEachTest } from "./support/each-shop.ts";
import { at, NEW, order, put, remove, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

const FIRST = order("o1");
const OF_A: Partial<Order> = { notes: "A", tableId: "7" };
const OF_B: Partial<Order> = { notes: "B", customerName: "Ann" };
const ofA = (): Order => ({ ...FIRST, ...OF_A });
const ofB = (): Order => ({ ...FIRST, ...OF_B });

type Play = () => Promise<Write>;

async function pushed(device: string, write: Write): Promise<Result> {
  return (await shop.push(device, write))[0]!;
}
/** Version 1 is there, which both know; A's value stands from `version` on. */
async function aWrote(version: number): Promise<Result> {
  if (version === 1) return pushed("a", put("orders", "o1", ofA()));
  const first = await pushed("a", put("orders", "o1", FIRST));
  let latest = first;
  for (let each = 2; each < version; each++)
    latest = await pushed("a", put("orders", "o1", order("o1", { notes: `A ${each}` }), each, at(latest)));
  await pushed("a", put("orders", "o1", ofA(), version, at(latest)));
  return first;
}
async function aDeleted(): Promise<Result> {
  const first = await pushed("a", put("orders", "o1", FIRST));
  await pushed("a", remove("orders", "o1", 2, at(first)));
  return first;
}
const blind = (version: number): Write => put("orders", "o1", ofB(), version, null);

/** What comes before B's write, and the write. By kind and operation. */
const PLAYS: Record<Row["kind"], Record<Row["operation"], Play>> = {
  VERSION_MISMATCH: {
    create: async () => (await aWrote(2), blind(1)),
    change: async () => put("orders", "o1", ofB(), 2, at(await aWrote(3))),
    delete: async () => remove("orders", "o1", 2, at(await aWrote(3))),
  },
  HASH_MISMATCH: {
    create: async () => (await aWrote(1), blind(1)),
    change: async () => put("orders", "o1", ofB(), 2, at(await aWrote(2))),
    delete: async () => remove("orders", "o1", 2, at(await aWrote(2))),
  },
  CONCURRENT_MODIFICATION: {
    create: async () => (await aWrote(1), blind(2)),
    change: async () => put("orders", "o1", ofB(), 3, at(await aWrote(2))),
    delete: async () => remove("orders", "o1", 3, at(await aWrote(2))),
  },
  DELETED_ITEM: {
    create: async () => (await aDeleted(), blind(1)),
    change: async () => put("orders", "o1", ofB(), 2, at(await aDeleted())),
    delete: async () => remove("orders", "o1", 2, at(await aDeleted())),
  },
  ID_TAKEN: {
    create: async () => (await aWrote(1), put("orders", "o1", ofB())),
    change: async () => {
      await aWrote(1);
      const made = put("orders", "o1", order("o1", { notes: "B, before" }));
      await pushed("b", made);
      return put("orders", "o1", ofB(), 2, { version: 1, hash: made.hash });
    },
    delete: async () => (await aWrote(1), remove("orders", "o1", 2, NEW)),
  },
  NUMBER_TAKEN: {
    create: async () => {
      await pushed("a", put("orders", "other", order("other", { orderNumber: "N-1" })));
      return put("orders", "o1", { ...ofB(), orderNumber: "N-1" });
    },
    change: async () => {
      await pushed("a", put("orders", "other", order("other", { orderNumber: "N-1" })));
      return put(
        "orders",
        "o1",
        { ...ofB(), orderNumber: "N-1" },
        2,
        at(await pushed("b", put("orders", "o1", FIRST))),
      );
    },
    delete: async () => {
      await pushed("a", put("orders", "other", order("other", { orderNumber: "N-1" })));
      return remove("orders", "o1", 2, at(await pushed("b", put("orders", "o1", FIRST))));
    },
  },
};

test("the table is whole: each kind and operation once", () => {
  const cells = CONFLICT_TABLE.map(({ kind, operation }) => `${kind} ${operation}`);
  const all = Object.keys(KINDS).flatMap((kind) => OPERATIONS.map((operation) => `${kind} ${operation}`));
  expect([...cells].sort()).toEqual([...all].sort());
});

const cases = CONFLICT_TABLE.flatMap((row) =>
  POLICIES.map((policy) => {
    const { outcome, settlement } = row.verdicts[policy];
    const name = `${row.kind} x ${policy} x ${row.operation}: ${outcome}, ${settlement ?? "no conflict"}`;
    return [name, row, policy] as const;
  }),
);

describe("the conflict table", () => {
  test.each(cases)("%s", async (_name, row, policy) => {
    const verdict = row.verdicts[policy];
    await setPolicy(database.sql, shop, policy);
    const write = await PLAYS[row.kind][row.operation]();
    const before = await recordOf(database.sql, shop, "orders", "o1");
    const result = await pushed("b", write);
    expect(result.outcome).toBe(verdict.outcome);
    const conflict = (await conflictsOf(database.sql, shop)).find(({ kind }) => kind === row.kind);
    if (verdict.settlement === null) expect(conflict).toBeUndefined();
    else {
      expect(conflict!.status).toBe(verdict.settlement === "OPEN" ? "open" : "settled");
      expect(conflict!.settlement).toBe(verdict.settlement === "OPEN" ? null : verdict.settlement);
      expect(result.conflict).toMatchObject({ id: conflict!.id, kind: row.kind });
      expect(conflict!.client.hash, "S8: the write is kept whole").toBe(write.hash);
      for (const field of conflict!.fields) expect(field.resolution === "OPEN").toBe(conflict!.status === "open");
    }
    await expectStands(verdict.stands, write, before);
    // S2: sent again, it changes nothing and is told the same.
    const head = await shop.store.readHead(shop.storeId);
    const again = await pushed("b", write);
    expect(again.outcome).toBe(verdict.outcome === "conflict" ? "conflict" : "duplicate");
    expect(await shop.store.readHead(shop.storeId)).toEqual(head);
  });

  async function expectStands(
    stands: Row["verdicts"][ConflictPolicy]["stands"],
    write: Write,
    before: Awaited<ReturnType<typeof recordOf>>,
  ): Promise<void> {
    const now = (await recordOf(database.sql, shop, "orders", "o1"))!;
    if (stands === "A") return expect(now, "nothing of the record changed").toEqual(before);
    expect(now.version).toBeGreaterThan(before?.version ?? 0);
    expect(now.deleted).toBe(write.op === "delete");
    if (now.deleted) return;
    if (stands === "both") return expect(now.data).toMatchObject({ notes: "A", tableId: "7", customerName: "Ann" });
    expect(now.data).toMatchObject(OF_B);
    expect(now.data.tableId).toBeUndefined();
  }
});

const PAID: Order = { ...ofA(), paymentStatus: "PAID" };
const PICKED = { ...FIRST, notes: "A", customerName: "Ann" };

describe("answers to an open conflict", () => {
  const answers = SITUATIONS.flatMap((situation) =>
    ANSWERS.map((answer) => {
      const verdict = SETTLING_TABLE[situation][answer];
      return [
        `${answer} x ${situation}: ${verdict.outcome}, ${verdict.settlement}`,
        situation,
        answer,
        verdict,
      ] as const;
    }),
  );
  test.each(answers)("%s", async (_name, situation, answer, verdict) => {
    await setPolicy(database.sql, shop, "MANUAL");
    const first = await aWrote(2);
    const lost = await pushed("b", put("orders", "o1", ofB(), 2, at(first)));
    const { id } = lost.conflict!;
    const seen = await prepare(situation, id, lost);
    const result = await pushed("c", answerOf(answer, situation, id, seen));
    expect(result.outcome).toBe(verdict.outcome);
    if (result.outcome === "rejected") expect(result.code).toBe("GUARD");
    const conflict = (await conflictsOf(database.sql, shop)).find((each) => each.id === id)!;
    expect(conflict.settlement ?? "OPEN").toBe(verdict.settlement);
    expect(conflict.attempts?.length ?? 0).toBe(verdict.attempt ? 1 : 0);
    if (result.outcome === "conflict") expect(result.conflict!.id).toBe(id);
    expect((await recordOf(database.sql, shop, "orders", "apart")) !== null).toBe(conflict.settlement === "BOTH");
  });

  /** @returns the value that the person sees who answers */
  async function prepare(situation: Situation, id: string, lost: Result): Promise<Result> {
    switch (situation) {
      case "first":
        return lost;
      case "record went on":
        await pushed("a", put("orders", "o1", { ...ofA(), notes: "A went on" }, 3, at(lost)));
        return lost;
      case "second":
        await pushed("a", settling(id, put("orders", "o1", PICKED, 3, at(lost))));
        return lost;
      case "guard refuses":
        return pushed("a", put("orders", "o1", PAID, 3, at(lost)));
    }
  }

  function answerOf(answer: Answer, situation: Situation, id: string, seen: Result): Write {
    const data = {
      theirs: situation === "guard refuses" ? PAID : ofA(),
      mine: ofB(),
      picked: PICKED,
      both: { ...ofB(), id: "apart" },
    }[answer];
    if (answer === "both") return settling(id, put("orders", "apart", data));
    return settling(id, put("orders", "o1", data, seen.syncVersion! + 1, at(seen)));
  }
});
