/** However large the sides of a conflict are, it fits into a message and holds up nobody. */
import { describe, expect, test } from "vitest";
import { conflictsOf, recordOf, setPolicy, settling, clash, edit } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { at, NEW, openShop, order, put, type Shop } from "./support/shop-fixture.ts";
import { LIMITS } from "@tillwire/protocol/limits";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here), "MANUAL");

const conflicts = () => conflictsOf(database.sql, shop);

describe("sizes", () => {
  const many = (side: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${side}${i.toString(36)}`, 1]));

  test("to settle sides that differ in ten thousand fields holds up nobody", async () => {
    const count = 10_000;
    const { current, id } = await clash(shop, many("a", count), many("b", count));
    const startedAt = performance.now();
    const answer = settling(id, put("orders", "o1", order("o1", many("c", count)), 3, current));
    expect((await shop.push("b", answer))[0]!.outcome).toBe("accepted");
    // Each with each would be 24 seconds and more.
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect((await conflicts())[0]!.fields.map(({ resolution }) => resolution)).toEqual(Array(100).fill("SERVER"));
  });

  /** Null members, which count for nothing, with names that take three bytes a letter. */
  const nulls = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${"嗨".repeat(17)}${i}`, null]));

  test("null members with long names make no conflict too large for a message", async () => {
    const { first, id } = await clash(shop, { notes: "a", ...nulls(9_000) }, { notes: "b", ...nulls(9_000) });
    for (const notes of ["3", "4", "5"])
      await shop.push("c", settling(id, put("orders", "o1", order("o1", { notes, ...nulls(9_000) }), 3, first)));
    const { changes } = await shop.store.readFeed({
      ...{ storeId: shop.storeId, from: 0, collections: ["conflicts"], maxChanges: 10, maxBytes: 1e9 },
    });
    expect(Buffer.byteLength(changes[0]!.json)).toBeLessThan(LIMITS.messageBytes);
  });

  test("nor does an item at the seed's door make a change that no session could take", async () => {
    const item = put("orders", "o1", order("o1", { notes: "kept", ...nulls(50_000) }), 1, null);
    const answer = await shop.pushSeed("b", item, {});
    expect(answer).toMatchObject({ outcome: "accepted", hash: item.hash });
    const json = shop.committed.at(-1)!.changes[0]!.json;
    expect(Buffer.byteLength(json)).toBeLessThan(LIMITS.messageBytes);
    expect(await recordOf(database.sql, shop, "orders", "o1")).toMatchObject({ data: { notes: "kept" } });
    expect((await shop.pushSeed("b", item, {})).outcome).toBe("duplicate");
  });

  test("many answers to one large conflict do not read it many times over", async () => {
    let most = 0;
    const store = {
      ...shop.store,
      readContexts: async (...[storeId, queries]: Parameters<Shop["store"]["readContexts"]>) => {
        most = Math.max(most, queries.filter(({ resolves }) => resolves !== null).length);
        return shop.store.readContexts(storeId, queries);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const { id } = await clash(shop);
    const both = Array.from({ length: 20 }, (_, i) => settling(id, edit("b", 1, NEW, `kept-${i}`)));
    const results = await node.push("b", ...both);
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", ...Array(19).fill("conflict")]);
    expect(most).toBe(1);
  });
});

describe("sides as large as may be", () => {
  /** Data as large as may be: `fill` makes the text, JSON's null members come on top. */
  const large = (id: string, fill: string): object => {
    const data = order(id);
    const room = LIMITS.writeBytes - JSON.stringify({ ...data, blob: [] }).length - 1;
    const pieces = Array.from({ length: Math.floor(room / (fill.length + 1)) }, () => JSON.parse(fill) as unknown);
    return { ...data, blob: pieces };
  };
  const nulls = (data: object): object => ({
    ...data,
    ...Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`nothing-at-all-${i}`, null])),
  });

  test("the largest sides and as many tries still make a change that fits into one message", async () => {
    await setPolicy(database.sql, shop, "MANUAL");
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    // Arrays of single digits grow most in the database, which writes a blank behind each comma.
    let [current] = await shop.push("a", put("orders", "o1", nulls(large("o1", "1")), 2, at(one!)));
    const [lost] = await shop.push("b", put("orders", "o1", nulls(large("o1", "2")), 2, at(one!)));
    expect(lost!.outcome).toBe("conflict");
    for (const digit of ["3", "4", "5", "6"]) {
      const stale = settling(lost!.conflict!.id, put("orders", "o1", nulls(large("o1", digit)), 3, at(one!)));
      expect((await shop.push("c", stale))[0]!.outcome).toBe("conflict");
    }
    const page = await shop.store.readFeed({
      ...{ storeId: shop.storeId, from: 0, collections: ["conflicts"], maxChanges: 10, maxBytes: 1e9 },
    });
    const bytes = page.changes.map(({ json }) => Buffer.byteLength(json));
    expect(bytes).toHaveLength(1);
    expect(bytes[0]).toBeLessThan(LIMITS.messageBytes - 64 * 1024);
    const [conflict] = await conflicts();
    expect(conflict!.attempts!.length).toBeGreaterThan(0);
    const whole = conflict!.client.data as { blob: number[] };
    expect(whole.blob.length, "both sides stay whole").toBe((large("o1", "2") as { blob: number[] }).blob.length);
    expect(JSON.stringify(conflict!.fields).length).toBeLessThan(48 * 1024);
    [current] = await shop.push(
      "b",
      settling(lost!.conflict!.id, put("orders", "o1", large("o1", "2"), 3, at(current!))),
    );
    expect(current!.outcome).toBe("accepted");
  });

  test.each(["MERGE", "SERVER_WINS", "CLIENT_WINS"] as const)(
    "clashes that would list more than anybody reads are listed in part: %s",
    async (policy) => {
      await setPolicy(database.sql, shop, policy);
      const key = "k".repeat(50_000);
      const sides = ["base", "a", "b"].map((side) => {
        const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`m${i}`, `${side}${i}`]));
        return order("o1", { [key]: many, notes: side === "b" ? "first" : side });
      });
      const [one] = await shop.push("a", put("orders", "o1", sides[0]!));
      await shop.push("a", put("orders", "o1", sides[1]!, 2, at(one!)));
      const [result] = await shop.push("b", put("orders", "o1", sides[2]!, 2, at(one!)));
      expect(result!.outcome).not.toBe("rejected");
      expect(JSON.stringify(result!.conflict!.fields).length).toBeLessThan(80 * 1024);
      const [conflict] = await conflicts();
      expect(JSON.stringify(conflict!.client.data)).toContain("b1999");
    },
  );
});
