/** Guards hold on every path: deletions, defaults, conflicts. */
import { describe, expect, test } from "vitest";
import { at, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";
import type { Result } from "@tillwire/protocol/messages";
import { openShopForEachTest } from "./support/each-shop.ts";

let shop: Shop;
openShopForEachTest((here) => ({ shop } = here));

const outcomes = (results: readonly Result[]) => results.map(({ code, outcome }) => code ?? outcome);

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

describe("guards, the long way round", () => {
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
});
