/** An order's writes and what they ask of the kitchen, saved together. The kitchen never holds up a sale. */
import type { Replica, ReplicaRecord, WriteIntent } from "@tillwire/client/api";
import { WriteRejection } from "@tillwire/protocol/errors";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import { ticketOf, type TicketContext } from "@tillwire/protocol/pos/ticket-of-order";
import { tickets, type Ticket } from "@tillwire/protocol/pos/tickets";
import type { Build } from "./sale.ts";

export type KitchenContext = Omit<TicketContext, "before" | "orderId">;
type Kitchen = Pick<Replica, "batch" | "collection">;

/**
 * @param orderId of an order that is known already, and may have a ticket; undefined: a new one
 * @returns the records of `build`, and the ticket's behind them
 */
export async function saveWithTicket(
  replica: Kitchen,
  build: Build,
  context: KitchenContext,
  orderId: string | undefined,
): Promise<ReplicaRecord<unknown>[]> {
  // A board may bump the ticket between the look at it and the save: then once more, from what it is by then.
  for (let attempt = 0; attempt < 2; attempt++) {
    const before = orderId === undefined ? undefined : await replica.collection(tickets).get(orderId);
    try {
      return await replica.batch((numbers) => {
        const writes = build(numbers);
        return [...writes, ...ticketWrites(writes, before, context)];
      });
    } catch (error) {
      if (!(error instanceof WriteRejection)) throw error;
    }
  }
  // Should it be the sale itself that is refused, this says so.
  return replica.batch(build);
}

function ticketWrites(
  writes: readonly WriteIntent[],
  before: ReplicaRecord<Ticket> | undefined,
  context: KitchenContext,
): WriteIntent[] {
  return writes.flatMap((write): WriteIntent[] => {
    if (write.op !== "put" || write.collection !== orders.name) return [];
    const order = write.data as Order;
    const orderId = write.localId ?? order.id;
    const ticket = ticketOf(order, { ...context, orderId, before: before?.data ?? null });
    const readAt = before && { readAt: before.readAt };
    return ticket ? [{ op: "put", collection: tickets.name, data: ticket, ...readAt }] : [];
  });
}
