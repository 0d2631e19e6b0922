/** Conflict policies of a shop, as its administrators set them. */
import { describe, expect, test } from "vitest";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { ADMIN_TOKEN, request } from "./support/server.ts";
import { type AdminShop, openAdminShopForEachTest } from "./support/admin-shop.ts";

let here: AdminShop;
openAdminShopForEachTest((opened) => (here = opened));

describe("policies", () => {
  test("are as declared until the shop sets its own; null goes back", async () => {
    const before = await here.read("policies");
    expect(before.version).toBe(0);
    const declared = [...SHOP_COLLECTIONS.values()].filter(({ writableBy }) => writableBy.length > 0);
    expect(before.policies).toEqual(
      declared.map(({ name, policy }) => ({ collection: name, declared: policy, set: null, policy })),
    );
    const { status, body } = await here.setPolicies({ orders: "MANUAL", products: "CLIENT_WINS" });
    expect(status).toBe(200);
    expect(body.changed).toEqual({
      orders: { from: null, to: "MANUAL" },
      products: { from: null, to: "CLIENT_WINS" },
    });
    expect(body.version).toBe(1);
    expect(body.policies).toContainEqual({
      collection: "orders",
      declared: "SERVER_WINS",
      set: "MANUAL",
      policy: "MANUAL",
    });
    expect(await here.read("policies")).toEqual({ policies: body.policies, version: 1 });
    const back = (await here.setPolicies({ orders: null })).body;
    expect(back.changed).toEqual({ orders: { from: "MANUAL", to: null } });
    expect(back.policies).toContainEqual({
      collection: "orders",
      declared: "SERVER_WINS",
      set: null,
      policy: "SERVER_WINS",
    });
    expect(back.policies).toContainEqual(expect.objectContaining({ collection: "products", set: "CLIENT_WINS" }));
  });

  test("what changes nothing is not audited and counts no version", async () => {
    await here.setPolicies({ orders: "MERGE" });
    expect((await here.setPolicies({ orders: "MERGE", staff: null })).body).toMatchObject({ changed: {}, version: 1 });
    expect((await here.setPolicies({})).body).toMatchObject({ changed: {}, version: 1 });
    expect((await here.read("audit?action=policy.changed")).entries).toHaveLength(1);
  });

  test("one bad name, and nothing is changed: unknown collections, and what only the server writes", async () => {
    for (const bad of ["nothing", "conflicts", "constructor"]) {
      const { status, body } = await here.setPolicies({ orders: "MANUAL", [bad]: "MERGE" });
      expect([bad, status, body.code]).toEqual([bad, 422, "UNPROCESSABLE"]);
    }
    expect((await here.setPolicies({ orders: "FIRST_WINS" })).body.code).toBe("MALFORMED");
    expect((await here.setPolicies({ "Or ders": "MERGE" })).body.code).toBe("MALFORMED");
    expect((await here.shop.admin("PUT", "/api/admin/policies", {})).body.code).toBe("MALFORMED");
    expect((await here.setPolicies({ orders: "MERGE" }, "nowhere")).status).toBe(404);
    expect((await request(here.shop.url, here.a.token, "PUT", "/api/admin/policies", { policies: {} })).status).toBe(
      401,
    );
    expect(await here.read("policies")).toMatchObject({ version: 0 });
    expect((await here.read("audit?action=policy.changed")).entries).toEqual([]);
  });

  test("a write that is pushed after the answer is decided by the new policy, on whichever node", async () => {
    for (const [policy, outcome] of [
      ["CLIENT_WINS", "merged"],
      ["MANUAL", "conflict"],
      ["SERVER_WINS", "conflict"],
      ["CLIENT_WINS", "merged"],
    ] as const) {
      const id = `two-nodes-${policy}-${(await here.read("policies")).version}`;
      // Warm: the other node has decided by the policy before.
      await here.clash(`${id}-before`, here.a, {}, here.other.url);
      await here.setPolicies({ orders: policy });
      expect(await here.clash(id, here.a, {}, here.other.url)).toMatchObject({ outcome, conflict: { policy } });
    }
  });

  test("administrators who set them at once, on two nodes, follow one another in the audit trail", async () => {
    const settings = ["MERGE", "MANUAL", "CLIENT_WINS", "SERVER_WINS"];
    await Promise.all(
      settings.map((orders, index) =>
        request(index % 2 ? here.shop.url : here.other.url, ADMIN_TOKEN, "PUT", "/api/admin/policies", {
          policies: { orders },
          storeId: here.storeId,
        }),
      ),
    );
    const { entries } = await here.read("audit?action=policy.changed");
    const steps = entries.map(({ details }: any) => details.orders).reverse();
    expect(steps.map(({ to }: any) => to).sort()).toEqual([...settings].sort());
    expect(steps.map(({ from }: any) => from)).toEqual([null, ...steps.slice(0, -1).map(({ to }: any) => to)]);
    expect(await here.read("policies")).toMatchObject({
      version: 4,
      policies: expect.arrayContaining([expect.objectContaining({ collection: "orders", set: steps.at(-1).to })]),
    });
  });

  test("S10: one shop's policies are not another's", async () => {
    const elsewhere = await here.shop.openShop("elsewhere");
    await here.setPolicies({ orders: "MANUAL" }, elsewhere);
    expect(await here.read("policies")).toMatchObject({ version: 0 });
    expect(await here.clash("own", here.a)).toMatchObject({ conflict: { policy: "SERVER_WINS" } });
    expect((await here.read("audit?action=policy.changed")).entries).toEqual([]);
  });

  test("collections that have a policy and no records have digests that fit", async () => {
    await here.setPolicies({ staff: "MERGE" });
    const page = (await request(here.shop.url, here.a.token, "GET", "/api/sync/pull")).body;
    expect(page.digests.staff).toEqual({ count: 0, digest: "0000000000000000" });
  });
});
