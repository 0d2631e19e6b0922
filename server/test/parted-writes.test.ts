/** Writes of one sale that part ways: each is decided by itself, and what is not in force is kept where people see it. */
import { beforeEach, describe, expect, test } from "vitest";
import { conflictsOf, recordOf, settling } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { openShopForEachTest } from "./support/each-shop.ts";
import { at, order, put, transaction, type Shop } from "./support/shop-fixture.ts";
import type { Base } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here), "MANUAL");

const tab = order("o1");
const line = (id: string): Order["items"][number] => ({ ...tab.items[0]!, id });
const withLine = (id: string): Order => ({ ...tab, items: [...tab.items, line(id)] });
/** What the kitchen gets to cook beside what it has. */
const ticketLine = (id: string) => ({ id, itemId: id, name: "Flat White", quantity: 1, addedAt: 2 });
const ticket = (...ids: string[]) => {
  const { orderNumber } = tab;
  const lines = ids.map(ticketLine);
  return { id: "o1", orderNumber, state: "new", lines, createdAt: 1 };
};

const conflictsOfOrders = async () =>
  (await conflictsOf(database.sql, shop)).filter(({ collection }) => collection === "orders");

describe("S8: a tab that two registers add to under MANUAL", () => {
  let made: Base;
  let madeTicket: Base;
  beforeEach(async () => {
    const results = await shop.push("a", put("orders", "o1", tab), put("tickets", "o1", ticket("o1-1")));
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", "accepted"]);
    [made, madeTicket] = results.map(at) as [Base, Base];
    const first = put("orders", "o1", withLine("of-a"), 2, made);
    await shop.push("a", first, put("tickets", "o1", ticket("o1-1", "of-a"), 2, madeTicket));
  });
  const addOfB = () =>
    shop.push(
      "b",
      put("orders", "o1", withLine("of-b"), 2, made),
      put("tickets", "o1", ticket("o1-1", "of-b"), 2, madeTicket),
    );

  test("the kitchen cooks both lines; the one that the order lacks stands in the open conflict", async () => {
    expect((await addOfB()).map(({ outcome }) => outcome)).toEqual(["conflict", "merged"]);
    const lines = (await recordOf(database.sql, shop, "tickets", "o1"))!.data.lines as { id: string }[];
    expect(lines.map(({ id }) => id).sort()).toEqual(["o1-1", "of-a", "of-b"]);
    expect((await recordOf(database.sql, shop, "orders", "o1"))!.data).toEqual(withLine("of-a"));
    expect(await conflictsOfOrders()).toMatchObject([
      { collection: "orders", recordId: "o1", status: "open", client: { deviceId: "b", data: withLine("of-b") } },
    ]);
  });

  test("and is charged once somebody settles it with both", async () => {
    const [lost] = await addOfB();
    const both = { ...tab, items: [...tab.items, line("of-a"), line("of-b")] };
    const current = { version: lost!.syncVersion!, hash: lost!.hash! };
    const answer = settling(lost!.conflict!.id, put("orders", "o1", both, current.version + 1, current));
    expect(await shop.push("c", answer)).toMatchObject([{ outcome: "accepted" }]);
    expect((await recordOf(database.sql, shop, "orders", "o1"))!.data).toEqual(both);
    expect(await conflictsOfOrders()).toMatchObject([{ status: "settled", settlement: "MERGED" }]);
  });
});

test("S9: a sale whose number is taken, or whose ticket is refused, keeps its payment", async () => {
  const payment = transaction("t1", { orderId: "o2" });
  await shop.push("a", put("orders", "o1", tab));
  const sale = put("orders", "o2", order("o2", { orderNumber: tab.orderNumber }));
  const results = await shop.push("b", sale, put("transactions", "t1", payment), put("tickets", "o2", { id: "o2" }));
  expect(results.map(({ outcome }) => outcome)).toEqual(["merged", "accepted", "rejected"]);
  expect((await recordOf(database.sql, shop, "orders", "o2"))!.data).toMatchObject({ orderNumber: "N-o1-2" });
});
