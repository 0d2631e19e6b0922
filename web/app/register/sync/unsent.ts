/**
 * How much waits to be sent, as people count it: a sale is one, though it is an order, its payment and a kitchen ticket. The cart that is
 * mirrored is nothing that could be lost.
 */
import type { OutboxEntry } from "@tillwire/client/api";

export function countUnsent(
  entries: readonly Pick<OutboxEntry, "collection" | "localId" | "state" | "data">[],
): number {
  const waiting = entries.filter(({ state, collection }) => state !== "rejected" && collection !== "carts");
  return new Set(waiting.map(workOf)).size;
}

/** A ticket bears its order's id, a payment names it. */
function workOf({ collection, localId, data }: Pick<OutboxEntry, "collection" | "localId" | "data">): string {
  if (collection === "orders" || collection === "tickets") return `orders/${localId}`;
  const { orderId } = (data ?? {}) as { orderId?: unknown };
  return collection === "transactions" && typeof orderId === "string"
    ? `orders/${orderId}`
    : `${collection}/${localId}`;
}
