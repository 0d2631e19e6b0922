/**
 * What devices that speak the first wire alone leave out of the orders and transactions that they send back, because they know nothing of
 * it: it stays as it was. Without it such a device would take payments, refunds and the name of who sold it out of an order by correcting its note,
 * and could give no order back that a register was paid for. Pure.
 */
import { canonicalJson } from "../hash.ts";
import { toCents } from "../money.ts";
import type { Order, OrderItem } from "./orders.ts";
import type { Transaction } from "./transactions.ts";

const OF_ORDERS = ["tip", "payments", "refunds", "userId", "userName", "cancelledBy"] as const;
/** Members that say how the sums came about: with other sums they would say something wrong. */
const OF_SUMS = ["taxMode", "taxRounding", "discountPercent"] as const;
const OF_TRANSACTIONS = ["tip", "given", "shiftId", "authorisedBy"] as const;

/** @param next what the device sent, on whatever value */
export function keepOfOrder(current: Order, next: Order): Order {
  const isPaid = current.paymentStatus === "PAID" || current.paymentStatus === "REFUNDED";
  const members = [
    ...OF_ORDERS,
    ...(sumsOf(current) === sumsOf(next) ? OF_SUMS : []),
    // nobody has it in a cart once it is closed
    ...(next.orderStatus === "PENDING" ? (["holder"] as const) : []),
  ];
  return withItems(withMembers(current, next, members), itemsOf(current, next, isPaid));
}

export function keepOfTransaction(current: Transaction, next: Transaction): Transaction {
  return withMembers(current, next, OF_TRANSACTIONS);
}

/** What was paid is frozen: lines that say the same of what was sold, and less or more of the product, are those that were paid. */
function itemsOf(current: Order, next: Order, isPaid: boolean): OrderItem[] {
  if (isPaid) {
    const same = canonicalJson(current.items.map(soldAs)) === canonicalJson(next.items.map(soldAs));
    return same ? current.items : next.items;
  }
  const before = new Map(current.items.map((item) => [item.id, item]));
  return next.items.map((item) => {
    const known = before.get(item.id);
    const isSame = known && canonicalJson(soldAs(known)) === canonicalJson(soldAs(item));
    return isSame ? withMembers(known, item, ["discountPercent"]) : item;
  });
}

function soldAs({ id, product, quantity, modifiers, discount, notes }: OrderItem): unknown {
  const chosen = (modifiers ?? []).map((modifier) => [modifier["id"], modifier.price ?? 0, modifier.quantity ?? 1]);
  return [id, product.id, product.price, quantity, chosen, discount ?? 0, notes ?? null];
}

function sumsOf({ subtotal, tax, discount, total }: Order): string {
  return [subtotal, tax, discount ?? 0, total].map(toCents).join();
}

function withItems(order: Order, items: Order["items"]): Order {
  const isSame = items.length === order.items.length && items.every((item, index) => item === order.items[index]);
  return isSame ? order : { ...order, items };
}

/** The very same object where nothing is missing. */
function withMembers<T extends object>(current: T, next: T, members: readonly (keyof T & string)[]): T {
  const missing = members.filter((member) => next[member] == null && current[member] != null);
  if (missing.length === 0) return next;
  return { ...next, ...Object.fromEntries(missing.map((member) => [member, current[member]])) };
}
