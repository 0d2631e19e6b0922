/** What commits and looks read, in shops of any size and with statistics of any age. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, openShop, order, put, type Shop, EPOCH } from "./support/shop-fixture.ts";
import type { Sql, TransactionSql } from "postgres";
import { createPostgresStore } from "../src/store/postgres-store.ts";
import type { PlannedWrite, ReplicationStore } from "../src/store/store.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

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

  // What rests on policies is more than a new record: of the two functions that commit, it takes the other one.
  test.each(STATISTICS.flatMap((statistics) => [null, 0].map((policyVersion) => ({ statistics, policyVersion }))))(
    "a commit reads the records that it touches and no others, with $statistics statistics, decided by policies of version $policyVersion",
    async ({ statistics, policyVersion }) => {
      const plans: PlannedWrite[] = [];
      const store: ReplicationStore = {
        ...shop.store,
        commit: (...args) => (
          plans.push(...args[2].map((plan) => ({ ...plan, policyVersion }))),
          shop.store.commit(...args)
        ),
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
