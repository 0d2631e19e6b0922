import { describe, expect, test } from "vitest";
import type { Replica, ReplicaRecord, WriteIntent } from "@tillwire/client/api";
import { WriteRejection } from "@tillwire/protocol/errors";
import { moveTicket } from "@tillwire/protocol/pos/ticket-steps";
import { guardTicket, type Ticket } from "@tillwire/protocol/pos/tickets";
import { addProduct, newItem } from "./cart.ts";
import { saveWithTicket } from "./kitchen-ticket.ts";
import { paidInFull } from "./payment.ts";
import { buildCancel, buildOpenOrder, buildSale, EMPTY_DRAFT, type Draft, type SaleContext } from "./sale.ts";
import type { Order } from "@tillwire/protocol/pos/orders";

const coffee = { id: "p1", name: "Coffee", price: 3.2 };
const draft: Draft = { ...EMPTY_DRAFT, items: addProduct([], coffee, "line-1"), notes: "to go" };
const kitchen = { now: 5_000 };
const context: SaleContext = {
  ...{ now: 5_000, newId: () => "id-1", userId: "d1", userName: "Front" },
  taxMode: "inclusive",
};
const cash = paidInFull("CASH", 3.2, null);

/** A replica that holds one ticket, and refuses what the guard does. */
function replicaWith(ticket?: Ticket) {
  const saved: WriteIntent[][] = [];
  let current = ticket;
  const record = () => current && ({ data: current, readAt: { version: 3, hash: "h" } } as ReplicaRecord<Ticket>);
  const replica = {
    collection: () => ({ get: async () => record() }),
    async batch(build: Parameters<Replica["batch"]>[0]) {
      const writes = [...build({ next: (series) => `K7-${series}` })];
      for (const write of writes)
        if (write.collection === "tickets" && write.op === "put") {
          const refusal = guardTicket(race.now?.() ?? current ?? null, write.data as Ticket);
          if (refusal) throw new WriteRejection("GUARD", refusal);
        }
      saved.push(writes);
      return writes.map((write) => ({ data: write.op === "put" ? write.data : null }) as ReplicaRecord<unknown>);
    },
  } as unknown as Replica;
  const race: { now?: () => Ticket } = {};
  return { replica, saved, race, set: (next: Ticket) => (current = next) };
}
const order = async (): Promise<Order> => {
  const { replica } = replicaWith();
  return (await saveWithTicket(replica, buildOpenOrder(draft, context), kitchen, undefined))[0]?.data as Order;
};
const ticketIn = (writes: readonly WriteIntent[] | undefined) => {
  const write = writes?.find(({ collection }) => collection === "tickets");
  return write?.op === "put" ? { data: write.data as Ticket, readAt: write.readAt } : undefined;
};

describe("the kitchen's ticket", () => {
  test("is saved with the sale, in one batch, behind order and payment", async () => {
    const { replica, saved } = replicaWith();
    await saveWithTicket(replica, buildSale(draft, cash, context), kitchen, undefined);
    expect(saved).toHaveLength(1);
    expect(saved[0]?.map(({ collection }) => collection)).toEqual(["orders", "transactions", "tickets"]);
    expect(ticketIn(saved[0])?.data).toMatchObject({ id: "id-1", state: "new", lines: [{ name: "Coffee" }] });
  });

  test("a shop without a kitchen writes none", async () => {
    const { replica, saved } = replicaWith();
    await saveWithTicket(replica, buildSale(draft, cash, context), { ...kitchen, categories: [] }, undefined);
    expect(ticketIn(saved[0])).toBeUndefined();
  });

  test("cancelling voids what is not served, on the ticket as it was read", async () => {
    const { replica: first, saved: firstSaved } = replicaWith();
    await saveWithTicket(first, buildOpenOrder(draft, context), kitchen, undefined);
    const { replica, saved } = replicaWith(ticketIn(firstSaved[0])!.data);
    const record = { data: await order(), readAt: { version: 1, hash: "x" } } as ReplicaRecord<Order>;
    await saveWithTicket(replica, buildCancel(record), kitchen, "id-1");
    expect(ticketIn(saved[0])).toMatchObject({
      readAt: { version: 3, hash: "h" },
      data: { lines: [{ voided: true }] },
    });
  });

  test("a board that serves it in the same moment makes the register look again, and never costs the sale", async () => {
    const { replica: first, saved: firstSaved } = replicaWith();
    await saveWithTicket(first, buildOpenOrder(draft, context), kitchen, undefined);
    const ticket = ticketIn(firstSaved[0])!.data;
    const more: Draft = { ...draft, items: addProduct(draft.items, { ...coffee, id: "p2" }, "line-2") };
    const { replica, saved, race, set } = replicaWith(ticket);
    let looks = 0;
    race.now = () => {
      const served = moveTicket(ticket, "served");
      set(served);
      looks++;
      return served;
    };
    await saveWithTicket(replica, buildSale(more, cash, context), kitchen, "id-1");
    expect([looks, saved.length]).toEqual([2, 1]);
    expect(ticketIn(saved[0])?.data.lines).toMatchObject([{ served: 1 }, { id: "line-2" }]);
  });

  test("a ticket that can't be saved is left out", async () => {
    const { replica, saved, race } = replicaWith();
    race.now = () => ({ lines: [{ id: "other" }] }) as Ticket;
    await saveWithTicket(replica, buildSale(draft, cash, context), kitchen, undefined);
    expect(saved[0]?.map(({ collection }) => collection)).toEqual(["orders", "transactions"]);
  });

  test("shows variation, modifiers and notes of each line", async () => {
    const milk = { id: "oat", name: "Oat milk", price: 0.5 };
    const flat = { ...coffee, variations: [{ id: "l", name: "Large", price: 3.9 }] };
    const product = { ...flat, modifierGroups: [{ id: "milk", name: "Milk", min: 0, max: 1, options: [milk] }] };
    const item = newItem(product, "line-1", { variationId: "l", optionIds: { milk: ["oat"] } });
    const { replica, saved } = replicaWith();
    const items = [{ ...item, notes: "extra hot" }];
    await saveWithTicket(replica, buildOpenOrder({ ...draft, items }, context), kitchen, undefined);
    expect(ticketIn(saved[0])?.data.lines).toMatchObject([{ details: ["Large", "Oat milk"], notes: "extra hot" }]);
  });
});
