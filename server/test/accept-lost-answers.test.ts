/** S2: the database fails, or is held up, in the middle of a commit, or its answer is lost. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, openShop, order, put, type Shop, EPOCH } from "./support/shop-fixture.ts";
import type { Result } from "@tillwire/protocol/messages";
import postgres from "postgres";
import { createPostgresStore } from "../src/store/postgres-store.ts";
import { StoreUnavailable, type ReplicationStore } from "../src/store/store.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

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
