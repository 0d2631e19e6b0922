/**
 * Refunds that this register gave out without the server, and that their order lost because somebody else changed it meanwhile. The money is
 * gone: the order has to say so, unless others gave back the same, which people are told.
 */
import { filter, firstValueFrom, type Subscription } from "rxjs";
import type { Replica, ReplicaRecord } from "@tillwire/client/api";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import type { Refund } from "@tillwire/protocol/pos/refunds";
import { transactions } from "@tillwire/protocol/pos/transactions";
import { saveWithTicket, type KitchenContext } from "../sell/kitchen-ticket.ts";
import { lostRefunds, withGivenRefund } from "./refund.ts";

export class GivenRefunds {
  readonly #replica: Replica;
  readonly #kitchen: () => KitchenContext;
  readonly #ontwice: (order: Order, refund: Refund) => void;
  /** Conflicts that were looked at. */
  readonly #seen = new Set<string>();
  readonly #watching: Subscription;
  /** By order: the next builds on what the one before wrote. */
  readonly #last = new Map<string, Promise<void>>();

  /** @param ontwice told once for each refund that turns out, while this runs, to have been given twice */
  constructor(replica: Replica, kitchen: () => KitchenContext, ontwice: (order: Order, refund: Refund) => void) {
    this.#replica = replica;
    this.#kitchen = kitchen;
    this.#ontwice = ontwice;
    let atStart = true;
    this.#watching = replica.conflicts$.subscribe((all) => {
      for (const { localId, data } of all) this.#look(localId, data, !atStart);
      atStart = false;
    });
  }

  close(): void {
    this.#watching.unsubscribe();
  }

  #look(conflictId: string, conflict: ConflictData, isNews: boolean): void {
    if (this.#seen.has(conflictId)) return;
    if (conflict.status === "settled") this.#seen.add(conflictId);
    const { recordId } = conflict;
    for (const refund of lostRefunds(conflict, this.#replica.identity.deviceId)) {
      const before = this.#last.get(recordId) ?? Promise.resolve();
      // what can't be saved now is found at the next start
      const done = before.then(() => this.#complete(recordId, refund, isNews)).catch(() => undefined);
      this.#last.set(recordId, done);
    }
  }

  async #complete(orderId: string, refund: Refund, isNews: boolean): Promise<void> {
    const replica = this.#replica;
    // nothing was given out: the money of a refund that asked the server comes second
    if (!(await replica.collection(transactions).get(refund.id))) return;
    const isThere = (record: ReplicaRecord<Order> | undefined) => record?.sync === "synced";
    const record = (await firstValueFrom(replica.collection(orders).record$(orderId).pipe(filter(isThere))))!;
    const { localId, data, readAt } = record;
    if (data.refunds?.some(({ id }) => id === refund.id)) return;
    const next = withGivenRefund(data, refund);
    if (!next) {
      if (isNews) this.#ontwice(data, refund);
      return;
    }
    const write = { op: "put", collection: orders.name, localId, data: next, readAt } as const;
    await saveWithTicket(replica, () => [write], this.#kitchen(), localId);
  }
}
