/** What an adversarial reading of accept found: hostile but valid data, crowds that claim one number, lost answers, plans that go wrong. */
import { collectionSet, defineCollection } from "@tillwire/protocol/collection";
import { hashOf } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import postgres, { type Sql, type TransactionSql } from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { checkWrite, isChecked } from "../src/checked-write.ts";
import { decide } from "../src/decide.ts";
import { createPostgresStore } from "../src/store/postgres-store.ts";
import {
  StoreDataError,
  StoreUnavailable,
  type PlannedWrite,
  type ReplicationStore,
  type StoredRecord,
} from "../src/store/store.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, EPOCH, openShop, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  shop = await openShop(database.sql);
});
afterEach(() => checkStore(database.sql, shop.storeId));

async function numbers(): Promise<string[]> {
  const rows = await database.sql<{ unique_key: string }[]>`
    select unique_key from records where store_id = ${shop.storeId} and collection <> 'conflicts' and unique_key is not null order by seq`;
  return rows.map((row) => row.unique_key);
}
const outcomes = (results: readonly Result[]) => results.map(({ code, outcome }) => code ?? outcome);
const numbered = (id: string, orderNumber: string) => put("orders", id, order(id, { orderNumber }));

/** Sends again as long as the database is away, as devices do. */
async function untilAnswered(node: Shop, device: string, ...writes: unknown[]): Promise<Result[]> {
  for (;;) {
    try {
      return await node.push(device, ...writes);
    } catch (error) {
      expect(error).toMatchObject({ code: "UNAVAILABLE" });
    }
  }
}

describe("numbers", () => {
  test("L2: a long number that an amendment would cut in half a character is amended, and blocks nobody", async () => {
    const number = `${"N".repeat(40)}🥯${"x".repeat(8)}`;
    const results = await shop.push("a", numbered("o1", number), numbered("o2", number), numbered("o3", "other"));
    expect(outcomes(results)).toEqual(["accepted", "merged", "accepted"]);
    const [again] = await shop.push("a", numbered("o4", number));
    expect(again!.outcome).toBe("merged");
    expect(new Set(await numbers()).size).toBe(4);
  });

  test("however many sales of one push claim one number, each is taken, in few commits", async () => {
    const results = await shop.push("a", ...Array.from({ length: 120 }, (_, i) => numbered(`o${i}`, "ORD-1")));
    expect(outcomes(results)).toEqual(["accepted", ...Array<string>(119).fill("merged")]);
    expect(new Set(await numbers()).size).toBe(120);
    expect(shop.committed.length).toBeLessThan(4);
    const more = await shop.push("b", ...Array.from({ length: 120 }, (_, i) => numbered(`p${i}`, "ORD-1")));
    expect(new Set(outcomes(more))).toEqual(new Set(["merged"]));
    expect(new Set(await numbers()).size).toBe(240);
  });

  test("a number that looks like the last possible amendment leaves room for more", async () => {
    const long = "L".repeat(50);
    await shop.push("a", numbered("h1", "ORD-1-99999999"), numbered("h2", `${"L".repeat(41)}-99999999`));
    const results = [];
    for (const id of ["1", "2", "3", "4"])
      results.push(...(await shop.push("a", numbered(`o${id}`, "ORD-1"), numbered(`l${id}`, long))));
    expect(new Set(outcomes(results.slice(2)))).toEqual(new Set(["merged"]));
    expect((await numbers()).every((number) => number.length <= LIMITS.numberLength)).toBe(true);
    expect(new Set(await numbers()).size).toBe(10);
  });

  test("a completed transaction under an amended number is reversed although its device still claims the taken one", async () => {
    const sale = (id: string, changes = {}) => transaction(id, { referenceNumber: "TXN-1", ...changes });
    await shop.push("a", put("transactions", "t1", sale("t1")));
    const first = put("transactions", "t2", sale("t2"));
    await shop.push("b", first);
    const reversal = put("transactions", "t2", sale("t2", { status: "REVERSED" }), 2, { version: 1, hash: first.hash });
    const [reversed] = await shop.push("b", reversal);
    expect(reversed).toMatchObject({ outcome: "merged", data: { status: "REVERSED", referenceNumber: "TXN-1-2" } });
  });

  test("a record that is deliberately given a free number gets it, though its old one looks amended", async () => {
    const [one] = await shop.push("a", numbered("o1", "ORD-1-2"));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { orderNumber: "ORD-1" }), 2, at(one!)));
    expect(two!.outcome).toBe("accepted");
    expect(await numbers()).toEqual(["ORD-1"]);
  });

  test("a number that a put gives up is free; a deleted record keeps its own", async () => {
    const tags = defineCollection({
      name: "tags",
      schema: z.looseObject({ code: z.nullish(z.string()) }),
      uniqueBy: "code",
    });
    const other = await openShop(database.sql, { storeId: shop.storeId, collections: collectionSet([tags]) });
    const [one, two] = await other.push("a", put("tags", "t1", { code: "A" }), put("tags", "t2", { code: "B" }));
    await other.push("a", put("tags", "t1", { code: null }, 2, at(one!)), remove("tags", "t2", 2, at(two!)));
    const results = await other.push("b", put("tags", "t3", { code: "A" }), put("tags", "t4", { code: "B" }));
    expect(outcomes(results)).toEqual(["accepted", "merged"]);
  });
});

describe("L2: what goes wrong for one write goes wrong for that write alone", () => {
  const touchy = defineCollection<Record<string, unknown>>({
    name: "touchy",
    schema: z.looseObject({}),
    guard: (_, next) => (next!["bad"] as { missing: { member: string } }).missing.member,
  });

  test("a guard that throws", async () => {
    const other = await openShop(database.sql, {
      storeId: shop.storeId,
      collections: collectionSet([touchy, SHOP_COLLECTIONS.get("orders")!]),
    });
    const results = await other.push("a", put("touchy", "t", { x: 1 }), put("orders", "o1", order("o1")));
    expect(outcomes(results)).toEqual(["WRITE_FAILED", "accepted"]);
  });

  test("a question about its record that the database refuses", async () => {
    const store: ReplicationStore = {
      ...shop.store,
      readContexts: (storeId, queries) => {
        if (queries.some(({ asSent }) => asSent.localId === "poison")) throw new StoreDataError("22P02");
        return shop.store.readContexts(storeId, queries);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const known = { version: 1, hash: "a".repeat(64) };
    const results = await node.push("a", ...["o1", "poison", "o2"].map((id) => put("orders", id, order(id), 2, known)));
    expect(outcomes(results)).toEqual(["accepted", "WRITE_FAILED", "accepted"]);
  });

  test("whoever is told of a commit and throws", async () => {
    const failures: unknown[] = [];
    const node = await openShop(database.sql, {
      storeId: shop.storeId,
      observer: { failed: (_, error) => failures.push(error), decided: () => thrown("metrics") },
      onCommitted: () => thrown("hub"),
    });
    expect(outcomes(await node.push("a", put("orders", "o1", order("o1"))))).toEqual(["accepted"]);
    expect(failures).toMatchObject([{ message: "hub" }, { message: "metrics" }]);
  });

  function thrown(message: string): never {
    throw new Error(message);
  }
});

describe("S2, S8: the answer of a commit is lost", () => {
  test("after it took effect and before, devices that send again get one sale each, and nothing is doubled", async () => {
    let calls = 0;
    const store: ReplicationStore = {
      ...shop.store,
      commit: async (storeId, epoch, writes) => {
        calls += 1;
        if (calls > 12) return shop.store.commit(storeId, epoch, writes);
        if (calls % 3 === 1) throw new StoreUnavailable("gone before");
        const committed = await shop.store.commit(storeId, epoch, writes);
        if (calls % 3 === 2) throw new StoreUnavailable("gone after");
        return committed;
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const results = await Promise.all(
      ["a", "b", "c"].map(async (device) => {
        const [one, two] = await untilAnswered(
          node,
          device,
          numbered(`${device}1`, "ORD-1"),
          numbered("shared", `S-${device}`),
        );
        const next = put(
          "orders",
          `${device}1`,
          order(`${device}1`, { orderNumber: "ORD-1", notes: "2" }),
          2,
          at(one!),
        );
        return [one!, two!, ...(await untilAnswered(node, device, next))];
      }),
    );
    expect(results.flat().every(({ outcome }) => outcome !== "rejected")).toBe(true);
    const rows =
      await database.sql`select local_id, sync_version, data from records where store_id = ${shop.storeId} and collection = 'orders' order by 1`;
    expect(rows).toMatchObject([
      ...["a1", "b1", "c1"].map((local_id) => ({ local_id, sync_version: 2, data: { notes: "2" } })),
      { local_id: "shared", sync_version: 1 },
    ]);
    expect(new Set(await numbers()).size).toBe(4);
    const losers = await database.sql`
      select 1 from records where store_id = ${shop.storeId} and collection = 'conflicts' and data ->> 'recordId' = 'shared'`;
    expect(losers).toHaveLength(2);
  });
});

describe("S2, S11: the database fails, or is held up, in the middle of a commit", () => {
  // Connections of their own: those of the pool are not to be ended, nor held.
  const connect = () => postgres(database.url, { max: 1, onnotice: () => undefined });

  /** Takes the store's lock; the returned function lets go. */
  async function hold(): Promise<() => Promise<void>> {
    const sql = connect();
    await sql.unsafe("begin");
    await sql`select 1 from stores where id = ${shop.storeId} for update`;
    return async () => {
      await sql.unsafe("commit");
      await sql.end();
    };
  }
  /** Process ids of statements that wait for a lock, once there are `count`. */
  async function waiting(count: number): Promise<number[]> {
    for (;;) {
      const rows = await database.sql<{ pid: number }[]>`
        select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      if (rows.length >= count) return rows.map(({ pid }) => pid);
    }
  }

  test("a backend that is ended takes no effect, and the lane goes on", async () => {
    const sql = connect();
    const node = await openShop(database.sql, { storeId: shop.storeId, store: createPostgresStore(sql) });
    const release = await hold();
    const pushed = node.push("a", put("orders", "o1", order("o1")), put("orders", "o2", order("o2")));
    const [pid] = await waiting(1);
    const refused = expect(pushed).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await database.sql`select pg_terminate_backend(${pid!})`;
    await refused;
    await release();
    const results = await untilAnswered(node, "a", put("orders", "o1", order("o1")), put("orders", "o2", order("o2")));
    expect(outcomes(results)).toEqual(["accepted", "accepted"]);
    await sql.end();
  });

  test("a commit whose device and node are long gone takes effect once, whether before or after the retry", async () => {
    const doomed = connect();
    const node = await openShop(database.sql, { storeId: shop.storeId, store: createPostgresStore(doomed) });
    const writes = [numbered("o1", "ORD-1"), numbered("o2", "ORD-1")];
    const release = await hold();
    const lost = expect(node.push("a", ...writes)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await waiting(1);
    // The backend waits on for the lock; nobody hears its answer.
    await doomed.end({ timeout: 0 });
    await lost;
    const retried = shop.push("a", ...writes);
    await waiting(2);
    await release();
    const results = await retried;
    expect(results.every(({ outcome }) => outcome !== "conflict" && outcome !== "rejected")).toBe(true);
    expect(await numbers()).toEqual(["ORD-1", "ORD-1-2"]);
    expect(results.map(({ syncVersion, seq }) => [syncVersion, seq])).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  test("what waits behind a revocation is not taken", async () => {
    const release = await hold();
    const revoked = database.sql`select revoke_device(${shop.storeId}, 'a')`.execute();
    await waiting(1);
    const refused = expect(shop.push("a", put("orders", "o1", order("o1")))).rejects.toMatchObject({
      code: "DEVICE_REVOKED",
    });
    const taken = shop.push("b", put("orders", "o2", order("o2")));
    await waiting(2);
    await release();
    await revoked;
    await refused;
    expect(outcomes(await taken)).toEqual(["accepted"]);
  });

  test("what waits behind a new epoch is not taken", async () => {
    const release = await hold();
    const begun = shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-2", true);
    await waiting(1);
    const refused = expect(shop.push("a", put("orders", "o1", order("o1")))).rejects.toMatchObject({ code: "RESET" });
    await waiting(2);
    await release();
    expect(await begun).toBe("epoch-2");
    await refused;
    expect(await shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-3", true)).toBe("epoch-2");
  });
});

describe("guards and conflicts", () => {
  test("a refund that writes out defaults is no change of what a paid order holds", async () => {
    const { modifiers: _, ...item } = order("o1").items[0]!;
    const paid = order("o1", { items: [item], paymentStatus: "PAID", orderStatus: "COMPLETED" });
    const [one] = await shop.push("a", put("orders", "o1", paid));
    const refund = {
      ...paid,
      items: [{ ...item, modifiers: [], discount: 0 }],
      discount: 0,
      paymentStatus: "REFUNDED",
      orderStatus: "REFUNDED",
    };
    expect(outcomes(await shop.push("b", put("orders", "o1", refund, 2, at(one!))))).toEqual(["accepted"]);
  });

  test("equal content on a stale base is no duplicate where fields count", async () => {
    const stock = defineCollection({ name: "stock", schema: z.looseObject({ count: z.int() }), sumFields: ["count"] });
    const node = await openShop(database.sql, { storeId: shop.storeId, collections: collectionSet([stock]) });
    const [one] = await node.push("a", put("stock", "s", { count: 10 }));
    const [two] = await node.push("a", put("stock", "s", { count: 9 }, 2, at(one!)));
    const sold = put("stock", "s", { count: 9 }, 2, at(one!));
    expect((await node.push("b", sold))[0]!.outcome).toBe("conflict");
    expect((await node.push("c", put("stock", "s", { count: 9 }, 3, at(two!))))[0]!.outcome).toBe("duplicate");
  });

  test("a paid order does not become unpaid by being deleted and put again", async () => {
    const [paid] = await shop.push(
      "a",
      put("orders", "o1", order("o1", { paymentStatus: "PAID", orderStatus: "COMPLETED" })),
    );
    const [gone] = await shop.push("a", remove("orders", "o1", 2, at(paid!)));
    expect(outcomes(await shop.push("a", put("orders", "o1", order("o1"), 3, at(gone!))))).toEqual(["GUARD"]);
    const restored = put(
      "orders",
      "o1",
      order("o1", { paymentStatus: "PAID", orderStatus: "COMPLETED" }),
      3,
      at(gone!),
    );
    expect(outcomes(await shop.push("a", restored))).toEqual(["accepted"]);
  });

  test("a conflict over long names and many fields stays of a size that devices can take", async () => {
    const name = "n".repeat(120_000);
    const product = (value: number) => ({
      id: "p",
      name: "P",
      price: 1,
      [name]: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, value])),
    });
    const [one] = await shop.push("a", put("products", "p", product(1)));
    await shop.push("a", put("products", "p", product(2), 2, at(one!)));
    const [lost] = await shop.push("b", put("products", "p", product(3), 2, at(one!)));
    expect(lost!.conflict!.fields).not.toHaveLength(0);
    expect(JSON.stringify(lost).length).toBeLessThan(LIMITS.messageBytes);
    expect(shop.committed.at(-1)!.changes[0]!.json.length).toBeLessThan(LIMITS.messageBytes);
  });

  test("large records in conflict are committed in portions", async () => {
    const sizes: number[] = [];
    const store: ReplicationStore = {
      ...shop.store,
      commit: (storeId, epoch, writes) => {
        sizes.push(bytesOf(writes));
        return shop.store.commit(storeId, epoch, writes);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const ids = Array.from({ length: 24 }, (_, i) => `p${i}`);
    await node.push(
      "a",
      ...ids.map((id) => put("products", id, { id, name: "P", price: 1, blob: "x".repeat(250_000) })),
    );
    const results = await node.push("b", ...ids.map((id) => put("products", id, { id, name: "P", price: 2 })));
    expect(new Set(outcomes(results))).toEqual(new Set(["conflict"]));
    expect(Math.max(...sizes)).toBeLessThan(6 * 1024 * 1024);
  });

  function bytesOf(writes: readonly PlannedWrite[]): number {
    return writes.flatMap(({ rows }) => rows).reduce((sum, { dataJson }) => sum + (dataJson?.length ?? 0), 0);
  }
});

test("numbers that the database writes out in full count in full: no change is larger than a message", async () => {
  const product = (numbers: number[]) => put("products", "p", { id: "p", name: "P", price: 1, numbers });
  expect(outcomes(await shop.push("a", product(Array<number>(30_000).fill(1e308))))).toEqual(["WRITE_TOO_LARGE"]);
  expect(outcomes(await shop.push("a", product(Array<number>(30_000).fill(5e-324))))).toEqual(["WRITE_TOO_LARGE"]);
  expect(outcomes(await shop.push("a", product([1e308, -5e-324, 1e21, 0.1])))).toEqual(["accepted"]);
  const page = await shop.store.readFeed({
    storeId: shop.storeId,
    from: 0,
    collections: null,
    maxChanges: 10,
    maxBytes: 1e6,
  });
  expect(JSON.parse(page.changes[0]!.json)).toMatchObject({ data: { numbers: [1e308, -5e-324, 1e21, 0.1] } });
});

test("S6: an edit of what was sent does not overwrite what a merge made of it; one of a renumbered record does", async () => {
  const sent = put("orders", "o1", order("o1", { notes: "mine" }), 2, { version: 1, hash: "a".repeat(64) });
  const edit = put("orders", "o1", order("o1", { notes: "mine too" }), 3, { version: 2, hash: sent.hash });
  const write = checkWrite(
    SHOP_COLLECTIONS,
    { storeId: shop.storeId, deviceId: "a", role: "register" },
    { write: edit },
  );
  if (!isChecked(write)) throw new Error(write.message);
  const outcomeOn = (stored: Order): string => {
    const current: StoredRecord = {
      ...{
        seq: 2,
        syncVersion: 3,
        hash: hashOf(stored),
        sentVersion: 2,
        sentHash: sent.hash,
        base: sent.base,
        data: stored,
      },
      ...{
        uniqueKey: stored.orderNumber,
        createdBy: "a",
        deviceId: "a",
        deleted: false,
        reoffered: false,
        updatedAt: 0,
      },
    };
    const known = {
      history: [],
      lastData: null,
      baseData: order("o1", { notes: "mine" }),
      decided: null,
      openConflict: null,
      resolves: null,
      policy: null,
      policyVersion: 0,
      epoch: EPOCH,
      epochSeq: 0,
    };
    const number = { taken: true, nextAmendment: 3 };
    return decide(write, { ...known, current, number, epochReoffer: false }, 0).outcome;
  };
  expect(outcomeOn(order("o1", { notes: "mine", customerName: "theirs" }))).toBe("conflict");
  expect(outcomeOn(order("o1", { notes: "mine", orderNumber: "N-o1-2" }))).toBe("merged");
});

describe("the seed's door", () => {
  const T = 1_735_689_600_000;

  test("a serverHash that is none names nothing, and costs nobody a sale", async () => {
    await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    const next = put("orders", "o1", order("o1", { notes: "2" }), 2, null);
    expect((await shop.pushSeed("a", next, { createdAt: T, baseHash: "\u0000" })).outcome).toBe("accepted");
  });

  test("deleting the second of two sales with one id is not taken for a retry of deleting the first", async () => {
    const second = order("local-1", { createdAt: T + 1, orderNumber: "N-2" });
    await shop.pushSeed("a", put("orders", "local-1", order("local-1"), 1, null), { createdAt: T });
    await shop.pushSeed("a", put("orders", "local-1", second, 1, null), { createdAt: T + 1 });
    await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T });
    const gone = await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T + 1 });
    expect(gone).toMatchObject({ outcome: "accepted", deleted: true, filedUnder: `local-1.${T + 1}` });
    const retry = await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T });
    expect(retry).toMatchObject({ outcome: "duplicate", filedUnder: undefined });
  });

  test("a base that another device built upon is stale, however long the history since", async () => {
    let last = await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    const base = last.hash!;
    for (let version = 2; version < 6; version++) {
      const device = version === 3 ? "b" : "a";
      last = (
        await shop.push(device, put("orders", "o1", order("o1", { notes: `${version}` }), version, at(last)))
      )[0]!;
    }
    const late = await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "late" }), 9, null), {
      createdAt: T,
      baseHash: base,
    });
    expect(late.outcome).toBe("conflict");
  });
});

test("nothing is decided for a push of another epoch, not even what was decided before", async () => {
  const write = put("orders", "o1", order("o1", { paymentStatus: "PAID" }));
  const [paid] = await shop.push("a", write);
  await shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-2", true);
  await expect(shop.push("a", write)).rejects.toMatchObject({ code: "RESET" });
  await expect(shop.push("a", put("orders", "o1", order("o1"), 2, at(paid!)))).rejects.toMatchObject({ code: "RESET" });
});

test("a record with a long past costs what one with a short past costs", async () => {
  const [one] = await shop.push("a", put("products", "p", { id: "p", name: "P", price: 0 }));
  let base = at(one!);
  for (let version = 2; version <= 40; version++) {
    base = at((await shop.push("a", put("products", "p", { id: "p", name: "P", price: version }, version, base)))[0]!);
  }
  const asSent = {
    collection: "products",
    localId: "p",
    deviceId: "a",
    syncVersion: 41,
    hash: "0".repeat(64),
    base: "",
  };
  const [context] = await shop.store.readContexts(shop.storeId, [
    { asSent, base, number: null, namedHash: null, resolves: null, openConflictKey: "products|p|a" },
  ]);
  expect(context!.history).toEqual([]);
});

describe("plans", () => {
  /** Rows of the large tables that this transaction has read so far. */
  async function rowsRead(sql: Sql | TransactionSql): Promise<number> {
    const [read] = await sql<{ rows: string }[]>`
      select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read) as rows from pg_stat_xact_user_tables
      where relname in ('records', 'record_history', 'decided_writes')`;
    return Number(read!.rows);
  }

  async function grow(sql: TransactionSql, rows: number, collection = "orders", firstSeq = 1000): Promise<void> {
    for (const table of ["records", "record_history"]) {
      await sql.unsafe(`insert into ${table} (store_id, collection, local_id, seq, sync_version, server_hash, unique_key, created_by, device_id,
        deleted, reoffered, data, created_at, updated_at)
        select '${shop.storeId}', '${collection}', 'x' || g, ${firstSeq} + g, 1, '', 'X-' || g, 'a', 'a', false, false, '{}', now(), now()
        from generate_series(1, ${rows}) g`);
    }
    await sql`insert into decided_writes (store_id, collection, local_id, device_id, sync_version, hash, base, outcome)
      select ${shop.storeId}, ${collection}, 'x' || g, 'a', 1, '', '', 'conflict' from generate_series(1, ${rows}::int) g`;
  }

  // Statistics lag behind a store that grows fast, and are of all shops together: the lookups must not depend on them.
  /** Statistics of a shop's first minutes, of the shop as it is now, or whatever the database has gathered by itself. */
  const STATISTICS = ["early", "fresh", "chance"] as const;
  async function analyze(sql: TransactionSql, statistics: (typeof STATISTICS)[number], when: "early" | "fresh") {
    if (statistics === when) await sql`analyze records, record_history, decided_writes`;
  }

  test.each(STATISTICS)(
    "a commit reads the records that it touches and no others, with %s statistics",
    async (statistics) => {
      const plans: PlannedWrite[] = [];
      const store: ReplicationStore = {
        ...shop.store,
        commit: (...args) => (plans.push(...args[2]), shop.store.commit(...args)),
      };
      const node = await openShop(database.sql, { storeId: shop.storeId, store });
      await node.push("a", ...Array.from({ length: 50 }, (_, i) => put("orders", `o${i}`, order(`o${i}`))));
      const rollback = new Error("rollback");
      let read = 0;
      const measured = database.sql.begin(async (sql) => {
        const commit = () => createPostgresStore(sql as unknown as Sql).commit(shop.storeId, EPOCH, plans);
        await analyze(sql, statistics, "early");
        // The function's plan settles after a few calls.
        for (let i = 0; i < 7; i++) await commit();
        await grow(sql, 5000);
        await analyze(sql, statistics, "fresh");
        const before = await rowsRead(sql);
        await commit();
        read = (await rowsRead(sql)) - before;
        throw rollback;
      });
      await expect(measured).rejects.toBe(rollback);
      expect(read).toBeLessThan(10 * plans.length);
    },
  );

  test.each(STATISTICS)(
    "a look at records and their conflicts reads these and no others, with %s statistics",
    async (statistics) => {
      const firsts = await shop.push(
        "a",
        ...Array.from({ length: 20 }, (_, i) => put("orders", `o${i}`, order(`o${i}`))),
      );
      const lost = firsts.map(({ localId }) => put("orders", localId, order(localId, { notes: "b" })));
      const conflicts = (await shop.push("b", ...lost)).map(({ conflict }) => conflict!.id);
      const queries = lost.map((write, i) => ({
        asSent: {
          collection: "orders",
          localId: write.localId,
          deviceId: "b",
          syncVersion: 2,
          hash: write.hash,
          base: "?",
        },
        base: write.base,
        number: null,
        namedHash: null,
        resolves: conflicts[i]!,
        openConflictKey: `orders|${write.localId}|b`,
      }));
      const rollback = new Error("rollback");
      let read = 0;
      const measured = database.sql.begin(async (sql) => {
        const look = () => createPostgresStore(sql as unknown as Sql).readContexts(shop.storeId, queries);
        await analyze(sql, statistics, "early");
        for (let i = 0; i < 7; i++) await look();
        await grow(sql, 5000);
        await grow(sql, 5000, "conflicts", 10_000);
        await analyze(sql, statistics, "fresh");
        const before = await rowsRead(sql);
        const contexts = await look();
        read = (await rowsRead(sql)) - before;
        expect(contexts.map(({ openConflict }) => openConflict!.data!["id"])).toEqual(conflicts);
        expect(contexts.map(({ resolves }) => resolves!.data!["id"])).toEqual(conflicts);
        throw rollback;
      });
      await expect(measured).rejects.toBe(rollback);
      expect(read).toBeLessThan(10 * queries.length);
    },
  );
});
