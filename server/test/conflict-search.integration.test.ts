/** Conflicts as administrators look for them. */
import { describe, expect, test } from "vitest";
import { at, put, transaction } from "./support/shop-fixture.ts";
import { type AdminShop, openAdminShopForEachTest } from "./support/admin-shop.ts";

let here: AdminShop;
openAdminShopForEachTest((opened) => (here = opened));

describe("conflicts", () => {
  const ids = async (query: string): Promise<string[]> =>
    (await here.read(`conflicts${query}`)).conflicts.map(({ recordId }: any) => recordId);

  test("are found by status, record, device, kind, policy and collection; the counts are of the whole shop", async () => {
    await here.clash("settled-1", here.a);
    await here.setPolicies({ orders: "MANUAL" });
    await here.clash("open-1", here.a);
    const open = await here.clash("open-2", here.b);
    await here.push(here.a.token, put("transactions", "t-1", transaction("t-1")));
    await here.push(here.b.token, put("transactions", "t-1", transaction("t-1", { amount: 9 })));
    const counts = { open: 3, settled: 1 };
    expect(await here.read("conflicts")).toMatchObject({ ...counts, nextBefore: null });
    expect(await ids("")).toEqual(["t-1", "open-2", "open-1", "settled-1"]);
    expect(await ids("?status=open")).toEqual(["t-1", "open-2", "open-1"]);
    expect(await ids("?status=settled")).toEqual(["settled-1"]);
    expect(await ids("?collection=transactions")).toEqual(["t-1"]);
    expect(await ids("?recordId=open-1")).toEqual(["open-1"]);
    expect(await ids("?kind=ID_TAKEN")).toEqual(["t-1"]);
    expect(await ids("?policy=SERVER_WINS")).toEqual(["settled-1"]);
    expect(await ids("?status=open&policy=MANUAL&collection=orders&deviceId=till-b")).toEqual(["open-2", "open-1"]);
    expect(await ids("?deviceId=nobody")).toEqual([]);
    expect(await here.read("conflicts?recordId=none")).toMatchObject({ conflicts: [], nextBefore: null, ...counts });

    const server = open.data as object;
    const settling = {
      ...put("orders", "open-2", server, open.syncVersion! + 1, at(open)),
      resolves: open.conflict!.id,
    };
    expect(await here.push(here.a.token, settling)).toMatchObject([{ outcome: "duplicate" }]);
    expect(await here.read("conflicts?status=open")).toMatchObject({ open: 2, settled: 2 });
    expect(await ids("?status=settled")).toEqual(["open-2", "settled-1"]);
    expect(await ids("?deviceId=server")).toEqual(["settled-1"]);
  });

  test("are searched by id, number and names on both sides; as text, not as a pattern", async () => {
    await here.clash("find-me", here.a, { customerName: "Zoë O'Hara 100%_sure" });
    await here.clash("other", here.a, { customerName: "Somebody" });
    expect(await ids("?q=FIND-ME")).toEqual(["find-me"]);
    expect(await ids("?q=n-find")).toEqual(["find-me"]);
    expect(await ids(`?q=${encodeURIComponent("zoë o'hara")}`)).toEqual(["find-me"]);
    expect(await ids(`?q=${encodeURIComponent("100%_")}`)).toEqual(["find-me"]);
    expect(await ids("?q=flat%20white")).toEqual(["other", "find-me"]);
    expect(await ids("?q=4.54")).toEqual(["other", "find-me"]);
    for (const nothing of ["%", "_", "find%", "fin_", "\\", "customerName", "HASH_MISMATCH"])
      expect([nothing, await ids(`?q=${encodeURIComponent(nothing)}`)]).toEqual([
        nothing,
        nothing === "%" || nothing === "_" ? ["find-me"] : [],
      ]);
  });

  test("come in pages that join, whatever the filter", async () => {
    for (let index = 0; index < 5; index++) await here.clash(`p-${index}`, index % 2 ? here.b : here.a);
    const all = [];
    for (let before = ""; ;) {
      const page = await here.read(`conflicts?limit=2&q=p-${before}`);
      all.push(...page.conflicts.map(({ recordId }: any) => recordId));
      if (page.nextBefore === null) break;
      before = `&before=${page.nextBefore}`;
    }
    expect(all).toEqual(["p-4", "p-3", "p-2", "p-1", "p-0"]);
  });

  test("in a shop with very many, a page looks at some of them and says where to go on", async () => {
    await here.clash("needle", here.a);
    const { sql } = here.shop.database;
    await sql`
      insert into records (store_id, collection, local_id, seq, sync_version, server_hash, created_by, device_id, deleted, data, created_at, updated_at)
      select ${here.storeId}, 'conflicts', 'c-' || n, 1000 + n, 1, repeat('0', 64), 'server', 'server', false,
        jsonb_build_object('recordId', 'straw-' || n, 'status', 'settled', 'client', '{"data":{}}'::jsonb, 'server', '{"data":{}}'::jsonb), now(), now()
      from generate_series(1, 4500) n`;
    const pages = [];
    for (let before = ""; ;) {
      const page = await here.read(`conflicts?q=needle${before}`);
      pages.push(page.conflicts.map(({ recordId }: any) => recordId));
      if (page.nextBefore === null) break;
      before = `&before=${page.nextBefore}`;
    }
    expect(pages).toEqual([[], [], ["needle"]]);
    expect(await ids("?recordId=needle")).toEqual(["needle"]);
  });

  test("so it does where they are many bytes", async () => {
    await here.clash("needle", here.a);
    // texts that don't pack
    await here.shop.database.sql`
      insert into records (store_id, collection, local_id, seq, sync_version, server_hash, created_by, device_id, deleted, data, created_at, updated_at)
      select ${here.storeId}, 'conflicts', 'c-' || n, 1000 + n, 1, repeat('0', 64), 'server', 'server', false,
        jsonb_build_object('recordId', 'straw', 'server', jsonb_build_object('data', text)), now(), now()
      from generate_series(1, 20) n, (select string_agg(md5(i::text), '') as text from generate_series(1, 32000) i) t`;
    const page = await here.read("conflicts?q=needle");
    expect(page.conflicts).toEqual([]);
    expect(await ids(`?q=needle&before=${page.nextBefore}`)).toEqual(["needle"]);
  });

  test("large ones end a page early", async () => {
    for (let index = 0; index < 4; index++)
      await here.clash(`big-${index}`, here.a, { customerName: "x".repeat(200_000), notes: "y".repeat(50_000) });
    await here.shop.database.sql`
      update records set data = jsonb_set(data, '{server,data,customerName}', to_jsonb(repeat('z', 200000))) where store_id = ${here.storeId} and collection = 'conflicts'`;
    const first = await here.read("conflicts");
    expect(first.conflicts.length).toBeLessThan(4);
    const rest = await here.read(`conflicts?before=${first.nextBefore}`);
    expect([...first.conflicts, ...rest.conflicts].map(({ recordId }: any) => recordId)).toEqual([
      "big-3",
      "big-2",
      "big-1",
      "big-0",
    ]);
  });

  test("bad filters are 422 and say which", async () => {
    for (const bad of [
      "status=done",
      "collection=Or",
      "recordId=a%20b",
      "deviceId=%00",
      "kind=MISMATCH",
      "policy=FIRST",
      `q=${"x".repeat(101)}`,
      "q=%00",
      "q=a%0Ab",
    ]) {
      const { status, body } = await here.shop.admin("GET", here.inStore(`conflicts?${bad}`));
      expect([bad, status, body.code]).toEqual([bad, 422, "UNPROCESSABLE"]);
      expect(body.detail).toContain(bad.split("=")[0]);
    }
    expect((await here.shop.admin("GET", here.inStore("conflicts?q=a&q=b"))).body.code).toBe("MALFORMED");
    expect((await here.shop.admin("DELETE", here.inStore("devices/%00"))).status).toBe(422);
  });

  test("S10: conflicts of the same record ids in another shop are not listed, nor counted", async () => {
    const elsewhere = await here.shop.openShop("elsewhere");
    await here.clash("same", here.a);
    expect(await here.read("conflicts", elsewhere)).toEqual({ conflicts: [], nextBefore: null, open: 0, settled: 0 });
    expect(await here.read("conflicts?recordId=same&q=same", elsewhere)).toMatchObject({ conflicts: [] });
  });
});
