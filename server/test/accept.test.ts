import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, NEW, openShop, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";

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

async function stored(localId: string, collection = "orders") {
  const rows =
    await database.sql`select * from records where store_id = ${shop.storeId} and collection = ${collection} and local_id = ${localId}`;
  return rows[0];
}
async function conflicts() {
  return database.sql`select local_id, data from records where store_id = ${shop.storeId} and collection = 'conflicts' order by seq`;
}

describe("what is new", () => {
  test("a new record is accepted, with the first seq, and told to the hub", async () => {
    const [result] = await shop.push("a", put("orders", "o1", order("o1")));
    expect(result).toMatchObject({ outcome: "accepted", seq: 1, syncVersion: 1, deleted: false });
    expect(result!.data).toBeUndefined();
    expect(shop.committed).toMatchObject([{ from: 0, to: 1 }]);
    const change = JSON.parse(shop.committed[0]!.changes[0]!.json);
    expect(change).toMatchObject({ seq: 1, localId: "o1", deviceId: "a", createdBy: "a", data: order("o1") });
    expect(shop.committed[0]!.digests.get("orders")).toEqual({ count: 1, digest: formatDigest(digestOf(change)) });
  });

  test("the feed tells the same change as the hub", async () => {
    await shop.push(
      "a",
      put("orders", "o1", order("o1", { notes: 'quotes " and \\ and é — 🥯\n' })),
      put("products", "p", { id: "p", name: "P", price: 1e-2 }),
    );
    const page = await shop.store.readFeed({
      storeId: shop.storeId,
      from: 0,
      collections: null,
      maxChanges: 10,
      maxBytes: 1e6,
    });
    expect(page).toMatchObject({ from: 0, to: 2, head: 2 });
    expect(page.changes.map(({ json }) => JSON.parse(json))).toEqual(
      shop.committed[0]!.changes.map(({ json }) => JSON.parse(json)),
    );
    expect(page.digests).toEqual(shop.committed[0]!.digests);
  });

  test("an unknown record is accepted whatever its base: the server may have been restored", async () => {
    const [changed, deleted] = await shop.push(
      "a",
      put("orders", "o1", order("o1"), 5, { version: 4, hash: "a".repeat(64) }),
      remove("orders", "o2", 3, { version: 2, hash: "b".repeat(64) }),
    );
    expect(changed).toMatchObject({ outcome: "accepted", syncVersion: 5 });
    expect(deleted).toMatchObject({ outcome: "accepted", deleted: true });
    expect(await stored("o2")).toMatchObject({ deleted: true, data: null });
  });

  test("500 writes in one push take one commit", async () => {
    const results = await shop.push(
      "a",
      ...Array.from({ length: 500 }, (_, i) => put("orders", `o${i}`, order(`o${i}`))),
    );
    expect(results.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(shop.committed).toHaveLength(1);
  });
});

describe("S2: a write takes effect once", () => {
  test.each([3, 10])("the same order sent %i times gives one row", async (times) => {
    const write = put("orders", "o1", order("o1"));
    const outcomes = [];
    for (let i = 0; i < times; i++) outcomes.push((await shop.push("a", write))[0]!.outcome);
    expect(outcomes).toEqual(["accepted", ...Array<string>(times - 1).fill("duplicate")]);
    expect(await database.sql`select 1 from records where store_id = ${shop.storeId}`).toHaveLength(1);
  });

  test("the same write many times at once takes effect once", async () => {
    const write = put("orders", "o1", order("o1"));
    const results = await Promise.all(Array.from({ length: 20 }, () => shop.push("a", write)));
    expect(results.filter(([result]) => result!.outcome === "accepted")).toHaveLength(1);
    expect(results.every(([result]) => result!.seq === 1)).toBe(true);
  });

  test("a late retry of a superseded version is a duplicate and tells the current value", async () => {
    const first = put("orders", "o1", order("o1"));
    const [one] = await shop.push("a", first);
    const [two] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    expect(two!.outcome).toBe("accepted");
    const [late] = await shop.push("a", first);
    expect(late).toMatchObject({ outcome: "duplicate", seq: 2, syncVersion: 2, data: { notes: "b" } });
  });

  test("a conflict told again is the same conflict, also after the record moved on", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [two] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    const loser = put("orders", "o1", order("o1", { notes: "c" }), 2, at(one!));
    const [first] = await shop.push("c", loser);
    await shop.push("b", put("orders", "o1", order("o1", { notes: "b3" }), 3, at(two!)));
    const [again] = await shop.push("c", loser);
    expect(first).toMatchObject({ outcome: "conflict", data: { notes: "b" } });
    expect(again).toMatchObject({ outcome: "conflict", data: { notes: "b3" }, conflict: { id: first!.conflict!.id } });
    expect(await conflicts()).toHaveLength(1);
  });

  test("equal content is a duplicate whoever sends it, and stays one when retried after the record moved on", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { notes: "same" }), 2, at(one!)));
    const equal = put("orders", "o1", order("o1", { notes: "same" }), 2, at(one!));
    expect((await shop.push("b", equal))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 2 });
    await shop.push("a", put("orders", "o1", order("o1", { notes: "on" }), 3, at(two!)));
    expect((await shop.push("b", equal))[0]).toMatchObject({
      outcome: "duplicate",
      syncVersion: 3,
      data: { notes: "on" },
    });
    expect(await conflicts()).toHaveLength(0);
  });

  test("deleting what is deleted is a duplicate", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", remove("orders", "o1", 2, at(one!)));
    expect((await shop.push("b", remove("orders", "o1", 2, at(one!))))[0]).toMatchObject({
      outcome: "duplicate",
      deleted: true,
    });
  });

  test("nulls and absent members are the same content", async () => {
    await shop.push("a", put("orders", "o1", order("o1")));
    expect(
      (await shop.push("b", put("orders", "o1", order("o1", { notes: null, customerId: null }), 2, NEW)))[0]!.outcome,
    ).toBe("duplicate");
  });
});

describe("S6: an accepted write was made on the value that it replaced", () => {
  test("VERSION_MISMATCH: server wins with the server's value and version unchanged", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1", { total: 100, subtotal: 100, tax: 0 })));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    await shop.push("a", put("orders", "o1", order("o1", { total: 150, subtotal: 150, tax: 0 }), 3, at(two!)));
    const late = put("orders", "o1", order("o1", { total: 120, subtotal: 120, tax: 0 }), 2, at(one!));
    const [lost] = await shop.push("b", late);
    expect(lost).toMatchObject({
      outcome: "conflict",
      syncVersion: 3,
      data: { total: 150 },
      conflict: { kind: "VERSION_MISMATCH", policy: "SERVER_WINS" },
    });
    expect(lost!.conflict!.fields).toContainEqual({
      field: "total",
      localValue: 120,
      serverValue: 150,
      resolution: "SERVER",
    });
    expect(await stored("o1")).toMatchObject({ sync_version: 3, data: { total: 150 } });
    const [kept] = await conflicts();
    expect(kept!.data).toMatchObject({
      recordId: "o1",
      status: "settled",
      settlement: "SERVER",
      client: { data: { total: 120 }, deviceId: "b" },
    });
  });

  test("HASH_MISMATCH: same version, different data", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    expect((await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!))))[0]).toMatchObject({
      outcome: "conflict",
      conflict: { kind: "HASH_MISMATCH" },
    });
  });

  test("CONCURRENT_MODIFICATION: above the server's version, but made on another base", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    // Trap 7: a lost v2, and a queued v3 that claims base 2 with the lost one's hash.
    const lostBase = { version: 2, hash: "c".repeat(64) };
    expect((await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 3, lostBase)))[0]).toMatchObject({
      outcome: "conflict",
      conflict: { kind: "CONCURRENT_MODIFICATION" },
    });
  });

  test("DELETED_ITEM: one deletes what another changes", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", remove("orders", "o1", 2, at(one!)));
    const [lost] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    expect(lost).toMatchObject({ outcome: "conflict", deleted: true, data: null, conflict: { kind: "DELETED_ITEM" } });
    expect((await conflicts())[0]!.data).toMatchObject({ client: { data: { notes: "b" } } });
  });

  test("a delete on a stale base is a conflict; the change stays", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    expect((await shop.push("b", remove("orders", "o1", 2, at(one!))))[0]).toMatchObject({
      outcome: "conflict",
      deleted: false,
      data: { notes: "a" },
    });
  });

  test("a put on the tombstone itself restores the record", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [gone] = await shop.push("a", remove("orders", "o1", 2, at(one!)));
    expect((await shop.push("b", put("orders", "o1", order("o1"), 3, at(gone!))))[0]).toMatchObject({
      outcome: "accepted",
      deleted: false,
    });
  });

  test("superseded versions are in the history", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    const rows =
      await database.sql`select seq, sync_version, device_id, data from record_history where store_id = ${shop.storeId}`;
    expect(rows).toMatchObject([{ seq: "1", sync_version: 1, device_id: "a", data: order("o1") }]);
  });
});

describe("S7: order", () => {
  test("a push that touches a record twice takes it in order", async () => {
    const first = put("orders", "o1", order("o1"));
    const second = put("orders", "o1", order("o1", { notes: "2" }), 2, { version: 1, hash: first.hash });
    const third = put("orders", "o1", order("o1", { notes: "3" }), 3, { version: 2, hash: second.hash });
    const results = await shop.push("a", first, second, put("orders", "x", order("x")), third);
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", "accepted", "accepted", "accepted"]);
    expect(await stored("o1")).toMatchObject({ sync_version: 3, data: { notes: "3" } });
  });

  test("two devices change one order at once: one is accepted, the other's is kept", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const results = await Promise.all(
      ["a", "b", "c"].map((device) =>
        shop.push(device, put("orders", "o1", order("o1", { notes: device }), 2, at(one!))),
      ),
    );
    expect(results.map(([result]) => result!.outcome).sort()).toEqual(["accepted", "conflict", "conflict"]);
    expect(await conflicts()).toHaveLength(2);
  });
});

describe("L2: a bad write never blocks its neighbours", () => {
  test("each gets its own result, with a code", async () => {
    const good = put("orders", "good", order("good"));
    const results = await shop.push(
      "a",
      { nonsense: true },
      put("nothing", "x", {}),
      put("orders", "o1", { ...order("o1"), total: 1.005 }),
      { ...put("orders", "o2", order("o2")), hash: "0".repeat(64) },
      { ...put("orders", "o3", order("o3")), localId: "not an id" },
      put("conflicts", "c1", {}),
      put("orders", "o4", order("o4"), 2, { version: 2, hash: "a".repeat(64) }),
      { ...put("orders", "o5", order("o5")), data: { ...order("o5"), notes: "\u0000" } },
      { ...put("orders", "o6", order("o6")), data: { ...order("o6"), notes: "\ud800" } },
      { ...put("orders", "o7", order("o7")), data: { ...order("o7"), weight: JSON.parse("1e400") } },
      { ...put("orders", "o8", order("o8")), data: null },
      {
        ...put("products", "p1", { id: "p1", name: "x", price: 1 }),
        data: { id: "p1", name: "x", price: 1, blob: "x".repeat(300_000) },
      },
      {
        ...put("products", "p2", { id: "p2", name: "x", price: 1 }),
        data: JSON.parse(`{"id":"p2","name":"x","price":1,"deep":${"[".repeat(40)}${"]".repeat(40)}}`),
      },
      good,
    );
    expect(results.map(({ outcome, code }) => code ?? outcome)).toEqual([
      "WRITE_MALFORMED",
      "COLLECTION_UNKNOWN",
      "SCHEMA",
      "HASH_WRONG",
      "WRITE_MALFORMED",
      "ROLE",
      "WRITE_MALFORMED",
      "TEXT_INVALID",
      "TEXT_INVALID",
      "NUMBER_INVALID",
      "SCHEMA",
      "WRITE_TOO_LARGE",
      "JSON_TOO_DEEP",
      "accepted",
    ]);
  });

  test("a display may not write orders", async () => {
    await shop.enrol("d", "display");
    expect((await shop.push("d", put("orders", "o1", order("o1"))))[0]).toMatchObject({
      outcome: "rejected",
      code: "ROLE",
    });
  });

  test("what only PostgreSQL refuses is found by halving, and its neighbours are taken", async () => {
    await database.sql`alter table records add constraint no_poison check (data ->> 'notes' is distinct from 'poison')`;
    const writes = Array.from({ length: 9 }, (_, i) =>
      put("orders", `o${i}`, order(`o${i}`, { notes: i === 6 ? "poison" : "fine" })),
    );
    const results = await shop.push("a", ...writes);
    await database.sql`alter table records drop constraint no_poison`;
    expect(results.map(({ code, outcome }) => code ?? outcome)).toEqual(
      writes.map((_, i) => (i === 6 ? "WRITE_FAILED" : "accepted")),
    );
  });

  test("members called like parts of Object are data like any other", async () => {
    const data = JSON.parse(`{"id":"p","name":"x","price":1,"__proto__":{"a":1},"constructor":"c"}`) as object;
    expect((await shop.push("a", put("products", "p", data)))[0]!.outcome).toBe("accepted");
    expect(JSON.stringify((await stored("p", "products"))!["data"])).toContain("__proto__");
  });
});

describe("guards", () => {
  test("a paid order never goes back to unpaid", async () => {
    const [paid] = await shop.push(
      "a",
      put("orders", "o1", order("o1", { paymentStatus: "PAID", orderStatus: "COMPLETED" })),
    );
    expect((await shop.push("a", put("orders", "o1", order("o1"), 2, at(paid!))))[0]).toMatchObject({
      outcome: "rejected",
      code: "GUARD",
    });
    expect(
      (
        await shop.push(
          "a",
          put("orders", "o1", order("o1", { paymentStatus: "PAID", orderStatus: "COMPLETED", total: 1 }), 2, at(paid!)),
        )
      )[0]!.code,
    ).toBe("GUARD");
  });

  test("a completed transaction may become reversed, and is never deleted", async () => {
    const [one] = await shop.push("a", put("transactions", "t1", transaction("t1")));
    expect((await shop.push("a", remove("transactions", "t1", 2, at(one!))))[0]!.code).toBe("GUARD");
    expect(
      (await shop.push("a", put("transactions", "t1", transaction("t1", { amount: 1 }), 2, at(one!))))[0]!.code,
    ).toBe("GUARD");
    expect(
      (await shop.push("a", put("transactions", "t1", transaction("t1", { status: "REVERSED" }), 2, at(one!))))[0]!
        .outcome,
    ).toBe("accepted");
  });

  test("a violation on a path that is a conflict is a conflict", async () => {
    await shop.push("a", put("orders", "o1", order("o1", { paymentStatus: "PAID", orderStatus: "COMPLETED" })));
    expect(
      (await shop.push("b", put("orders", "o1", order("o1"), 2, { version: 1, hash: "a".repeat(64) })))[0]!.outcome,
    ).toBe("conflict");
  });
});

describe("numbers", () => {
  const numbered = (id: string, changes = {}) => order(id, { orderNumber: "ORD-1001", ...changes });

  test("the later of two records that claim a number is taken under an amended one", async () => {
    const [first, second, third] = await shop.push(
      "a",
      ...["o1", "o2", "o3"].map((id) => put("orders", id, numbered(id))),
    );
    expect(first!.outcome).toBe("accepted");
    expect(second).toMatchObject({
      outcome: "merged",
      data: { orderNumber: "ORD-1001-2" },
      conflict: { kind: "NUMBER_TAKEN" },
    });
    expect(second!.conflict!.fields).toEqual([
      { field: "orderNumber", localValue: "ORD-1001", serverValue: "ORD-1001-2", resolution: "SERVER" },
    ]);
    expect(third).toMatchObject({ outcome: "merged", data: { orderNumber: "ORD-1001-3" } });
    expect(await stored("o2")).toMatchObject({ unique_key: "ORD-1001-2", sent_version: 1 });
  });

  test("its retry is a duplicate that tells the amended value; the base as sent is current; later claims keep the amended number", async () => {
    await shop.push("a", put("orders", "o1", numbered("o1")));
    const second = put("orders", "o2", numbered("o2"));
    await shop.push("b", second);
    expect((await shop.push("b", second))[0]).toMatchObject({
      outcome: "duplicate",
      data: { orderNumber: "ORD-1001-2" },
    });
    const [later] = await shop.push(
      "b",
      put("orders", "o2", numbered("o2", { notes: "later" }), 2, { version: 1, hash: second.hash }),
    );
    expect(later).toMatchObject({
      outcome: "merged",
      syncVersion: 2,
      data: { orderNumber: "ORD-1001-2", notes: "later" },
    });
  });

  test("long numbers are amended within 50 characters, as often as it takes", async () => {
    const long = "L".repeat(50);
    const results = await shop.push(
      "a",
      ...Array.from({ length: 4 }, (_, i) => put("orders", `o${i}`, order(`o${i}`, { orderNumber: long }))),
    );
    const numbers = await database.sql<
      { unique_key: string }[]
    >`select unique_key from records where store_id = ${shop.storeId} and collection = 'orders'`;
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", "merged", "merged", "merged"]);
    expect(new Set(numbers.map((row) => row.unique_key)).size).toBe(4);
    expect(numbers.every((row) => row.unique_key.length <= 50)).toBe(true);
  });

  test("a number that somebody freed and took back within one commit is settled, not looped over", async () => {
    const [one] = await shop.push("a", put("orders", "o1", numbered("o1")));
    const results = await shop.push(
      "a",
      put("orders", "o1", order("o1", { orderNumber: "ORD-9" }), 2, at(one!)),
      put("orders", "o2", numbered("o2")),
    );
    expect(
      results.map(({ outcome }) => outcome).every((outcome) => outcome === "accepted" || outcome === "merged"),
    ).toBe(true);
  });
});

describe("the seed's door", () => {
  const T = 1_735_689_600_000;

  test("without base a higher version is taken; what it overwrote of another device is a settled conflict", async () => {
    await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    expect(
      (await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "2" }), 2, null), { createdAt: T })).outcome,
    ).toBe("accepted");
    expect(await conflicts()).toHaveLength(0);
    expect(
      (await shop.pushSeed("b", put("orders", "o1", order("o1", { notes: "3" }), 3, null), { createdAt: T })).outcome,
    ).toBe("accepted");
    expect((await conflicts())[0]!.data).toMatchObject({
      status: "settled",
      settlement: "CLIENT",
      server: { data: { notes: "2" } },
    });
  });

  test("without base an equal or lower version is a conflict, and a tombstone is not overwritten", async () => {
    await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "2" }), 2, null), { createdAt: T });
    expect(
      (await shop.pushSeed("b", put("orders", "o1", order("o1", { notes: "x" }), 2, null), { createdAt: T })).conflict!
        .kind,
    ).toBe("HASH_MISMATCH");
    await shop.pushSeed("a", remove("orders", "o1", 3, null), { createdAt: T });
    expect((await shop.pushSeed("a", put("orders", "o1", order("o1"), 4, null), { createdAt: T })).conflict!.kind).toBe(
      "DELETED_ITEM",
    );
  });

  test("a serverHash is the base; one that only this device built upon since still counts", async () => {
    const first = await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "2" }), 2, null), {
      createdAt: T,
      baseHash: first.hash!,
    });
    const third = await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "3" }), 3, null), {
      createdAt: T,
      baseHash: first.hash!,
    });
    expect(third.outcome).toBe("accepted");
  });

  test("two sales that bear one id are two records, and later items find theirs", async () => {
    const mine = order("local-48213", { createdAt: T });
    const other = order("local-48213", { createdAt: T + 60_000, orderNumber: "N-2", notes: "other sale" });
    await shop.pushSeed("a", put("orders", "local-48213", mine, 1, null), { createdAt: T });
    const filed = await shop.pushSeed("a", put("orders", "local-48213", other, 1, null), { createdAt: T + 60_000 });
    expect(filed).toMatchObject({ outcome: "accepted", filedUnder: `local-48213.${T + 60_000}` });
    const again = await shop.pushSeed("a", put("orders", "local-48213", other, 1, null), { createdAt: T + 60_000 });
    expect(again).toMatchObject({ outcome: "duplicate", filedUnder: filed.filedUnder });
    const later = await shop.pushSeed("a", put("orders", "local-48213", { ...other, notes: "paid" }, 2, null), {
      createdAt: T + 60_000,
    });
    expect(later).toMatchObject({ outcome: "accepted", filedUnder: filed.filedUnder, syncVersion: 2 });
    expect(await stored("local-48213")).toMatchObject({ sync_version: 1, data: mine });
  });

  test("a tombstone's last data tells its sale from another", async () => {
    await shop.pushSeed("a", put("orders", "local-1", order("local-1"), 1, null), { createdAt: T });
    await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T });
    const other = await shop.pushSeed("b", put("orders", "local-1", order("local-1", { createdAt: T + 1 }), 1, null), {
      createdAt: T + 1,
    });
    expect(other.filedUnder).toBe(`local-1.${T + 1}`);
  });
});

describe("epochs, revocation, nodes", () => {
  test("a write of another epoch is refused whole with RESET, nothing decided", async () => {
    await shop.store.beginEpoch(shop.storeId, "epoch-1", "epoch-2", true);
    await expect(shop.push("a", put("orders", "o1", order("o1")))).rejects.toMatchObject({ code: "RESET" });
    expect(await stored("o1")).toBeUndefined();
  });

  test("S11: nothing of a revoked device is committed", async () => {
    await database.sql`select revoke_device(${shop.storeId}, 'a')`;
    await expect(shop.push("a", put("orders", "o1", order("o1")))).rejects.toMatchObject({ code: "DEVICE_REVOKED" });
    expect((await shop.push("b", put("orders", "o2", order("o2"))))[0]!.outcome).toBe("accepted");
    expect(await stored("o1")).toBeUndefined();
  });

  test("S3, S6: two nodes on one database make one outcome a write and gapless seqs", async () => {
    const other = await openShop(database.sql, { storeId: shop.storeId });
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const pushes = Array.from({ length: 40 }, (_, i) => {
      const node = i % 2 === 0 ? shop : other;
      return node.push(
        i % 4 < 2 ? "a" : "b",
        put("orders", `n${i >> 1}`, order(`n${i >> 1}`)),
        put("orders", "o1", order("o1", { notes: `${i}` }), 2, at(one!)),
      );
    });
    const results = (await Promise.all(pushes)).map((each) => each[1]!);
    expect(results.filter(({ outcome }) => outcome === "accepted")).toHaveLength(1);
    expect(results.filter(({ outcome }) => outcome === "conflict")).toHaveLength(39);
    expect(
      await database.sql`select 1 from records where store_id = ${shop.storeId} and collection = 'orders'`,
    ).toHaveLength(21);
  });

  test("a retry on another node while the first is being decided makes one conflict", async () => {
    const other = await openShop(database.sql, { storeId: shop.storeId });
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const loser = put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!));
    const results = await Promise.all([shop, other, shop, other].map((node) => node.push("b", loser)));
    expect(new Set(results.map(([result]) => result!.conflict!.id)).size).toBe(1);
    expect(await conflicts()).toHaveLength(1);
  });

  test("S10: the same id in two shops is two records", async () => {
    const other = await openShop(database.sql);
    await shop.push("a", put("orders", "o1", order("o1")));
    expect((await other.push("a", put("orders", "o1", order("o1", { notes: "other shop" }))))[0]).toMatchObject({
      outcome: "accepted",
      seq: 1,
    });
    expect(await stored("o1")).toMatchObject({ data: order("o1") });
  });
});

describe("re-offers after a restore", () => {
  const offer = (id: string, syncVersion: number, changes = {}, from = "b") => ({
    ...put("orders", id, order(id, changes), syncVersion, null),
    reoffer: true,
    deviceId: from,
    createdBy: from,
    updatedAt: 1_735_689_700_000,
  });

  async function restored() {
    const epoch = await shop.store.beginEpoch(shop.storeId, "epoch-1", "epoch-2", true);
    return async (deviceId: string, ...writes: unknown[]) => {
      const role = deviceId === "d" ? ("display" as const) : ("register" as const);
      return (
        await shop.accept.submit(
          { storeId: shop.storeId, deviceId, role },
          epoch,
          writes.map((write) => ({ write })),
        )
      ).results;
    };
  }

  test("what the server lost comes back as it was, once, whoever offers it, and needs no role", async () => {
    await shop.enrol("d", "display");
    const push = await restored();
    expect((await push("d", offer("o1", 3)))[0]).toMatchObject({
      outcome: "accepted",
      syncVersion: 3,
      updatedAt: 1_735_689_700_000,
    });
    expect((await push("a", offer("o1", 3)))[0]!.outcome).toBe("duplicate");
    expect((await push("c", offer("o1", 2, { notes: "older" })))[0]!.outcome).toBe("duplicate");
    expect((await push("c", offer("o1", 4, { notes: "newer" })))[0]).toMatchObject({
      outcome: "accepted",
      syncVersion: 4,
    });
    expect(await stored("o1")).toMatchObject({ created_by: "b", device_id: "b", reoffered: true });
  });

  test("against a value newly written in this epoch the policy decides, once for all devices that offer the same", async () => {
    await shop.push("a", put("orders", "o1", order("o1")));
    const push = await restored();
    const row = await stored("o1");
    await push(
      "a",
      put("orders", "o1", order("o1", { notes: "new" }), 2, { version: 1, hash: row!["server_hash"] as string }),
    );
    const [first] = await push("b", offer("o1", 3, { notes: "lost" }));
    const [second] = await push("c", offer("o1", 3, { notes: "lost" }));
    expect(first).toMatchObject({ outcome: "conflict", data: { notes: "new" } });
    expect(second!.conflict!.id).toBe(first!.conflict!.id);
    expect(await conflicts()).toHaveLength(1);
  });

  test("a device whose role may not write has nothing to offer while nothing was lost", async () => {
    await shop.enrol("d", "display");
    expect((await shop.push("d", offer("o1", 1)))[0]).toMatchObject({ outcome: "rejected", code: "ROLE" });
  });

  test("a retry of a write that another device brought back is a duplicate", async () => {
    const push = await restored();
    await push("a", offer("o1", 2, { notes: "mine" }));
    const retry = put("orders", "o1", order("o1", { notes: "mine" }), 2, { version: 1, hash: "a".repeat(64) });
    expect((await push("b", retry))[0]!.outcome).toBe("duplicate");
  });
});
