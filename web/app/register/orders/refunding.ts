/** Refunds under way: from the order's write to the money's transaction, through a dialog that is closed, a lost link or a crash in between. */
import { filter, firstValueFrom } from "rxjs";
import type { Replica, ReplicaRecord } from "@tillwire/client/api";
import { WriteRejection } from "@tillwire/protocol/errors";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import type { Refund } from "@tillwire/protocol/pos/refunds";
import { ticketOf } from "@tillwire/protocol/pos/ticket-of-order";
import { tickets } from "@tillwire/protocol/pos/tickets";
import { transactions } from "@tillwire/protocol/pos/transactions";
import { saveWithTicket, type KitchenContext } from "../sell/kitchen-ticket.ts";
import {
  buildRefundedOrder,
  buildRefundHere,
  buildRefundMoney,
  fasterRefund,
  latestRefund,
  refundedOrder,
  standingOf,
  unfinishedRefunds,
  type RefundRequest,
  type RefundWay,
} from "./refund.ts";

export interface RefundHost {
  readonly replica: Replica;
  readonly now: () => number;
  /** Of the drawer that the money comes from. */
  readonly shiftId: () => string | null | undefined;
  readonly kitchen: () => KitchenContext;
}

/** `given`: the money's transaction is saved, hand it out. `lost`: no money moves; `faster`: what somebody else refunded instead. */
export type RefundOutcome =
  | { readonly kind: "given"; readonly order: Order; readonly refund: Refund }
  | { readonly kind: "lost"; readonly order: Order; readonly refund: Refund; readonly faster: Refund | null };

export class Refunds {
  readonly #host: RefundHost;
  readonly #running = new Map<string, Promise<RefundOutcome>>();

  constructor(host: RefundHost) {
    this.#host = host;
  }

  /**
   * Begins a refund. Rejects with nothing saved.
   * @returns what becomes of it: at once `here` or where somebody else's is known already, else when the server has decided, which goes on
   * whoever still waits for it
   */
  async refund(
    record: ReplicaRecord<Order>,
    request: RefundRequest,
    way: Exclude<RefundWay, "never">,
  ): Promise<{ readonly refund: Refund; readonly outcome: Promise<RefundOutcome> }> {
    const refund = latestRefund(refundedOrder(record, request, way));
    try {
      const { outcome } = await this.#begin(record, request, way);
      return { refund, outcome };
    } catch (error) {
      const lost = await this.#outdone(record.localId, refund, error);
      return { refund, outcome: Promise.resolve(lost) };
    }
  }

  /** @returns in a wrapper, as awaiting it would wait for the end */
  async #begin(
    record: ReplicaRecord<Order>,
    request: RefundRequest,
    way: Exclude<RefundWay, "never">,
  ): Promise<{ readonly outcome: Promise<RefundOutcome> }> {
    const { replica, shiftId, kitchen } = this.#host;
    const { localId } = record;
    const order = refundedOrder(record, request, way);
    const refund = latestRefund(order);
    if (way === "here") {
      await saveWithTicket(replica, buildRefundHere(record, request, shiftId()), kitchen(), localId);
      return { outcome: Promise.resolve({ kind: "given", order, refund }) };
    }
    await replica.batch(buildRefundedOrder(record, request));
    return { outcome: this.#follow(localId, refund) };
  }

  /** Somebody else's refund came while a person was still choosing: the guard refuses one on top of it. Any other failure is thrown again. */
  async #outdone(orderId: string, refund: Refund, error: unknown): Promise<RefundOutcome> {
    const now = (await this.#host.replica.collection(orders).get(orderId))?.data;
    const faster = now?.refunds?.at(-1);
    if (!(error instanceof WriteRejection && error.code === "GUARD" && now && faster)) throw error;
    return { kind: "lost", order: now, refund, faster };
  }

  /** Takes up what an earlier run of this register began. @param onend called for each when it is decided */
  async takeUp(onend: (outcome: RefundOutcome) => void): Promise<void> {
    const { replica } = this.#host;
    const { deviceId } = replica.identity;
    const own = await replica.collection(orders).query({ where: ({ refunds }) => (refunds?.length ?? 0) > 0 });
    for (const { record, refund } of unfinishedRefunds(own, deviceId, () => false)) {
      if (this.#running.has(refund.id) || (await replica.collection(transactions).get(refund.id))) continue;
      void this.#follow(record.localId, refund).then(onend, () => undefined);
    }
  }

  #follow(orderId: string, refund: Refund): Promise<RefundOutcome> {
    const running = this.#running.get(refund.id) ?? this.#decided(orderId, refund);
    this.#running.set(refund.id, running);
    return running.finally(() => this.#running.delete(refund.id));
  }

  async #decided(orderId: string, refund: Refund): Promise<RefundOutcome> {
    const { replica } = this.#host;
    const isDecided = (record?: ReplicaRecord<Order>) => !record || standingOf(record, refund) !== "waiting";
    const record = await firstValueFrom(replica.collection(orders).record$(orderId).pipe(filter(isDecided)));
    if (record && standingOf(record, refund) === "stands") {
      await this.#payOut(record, refund);
      return { kind: "given", order: record.data, refund };
    }
    if (record) await this.#giveUp(record);
    const order = (await replica.collection(orders).get(orderId))?.data ?? record?.data;
    if (!order) throw new Error("the order is gone");
    return { kind: "lost", order, refund, faster: fasterRefund(order, refund) };
  }

  async #payOut(order: ReplicaRecord<Order>, refund: Refund): Promise<void> {
    const { replica, now, shiftId } = this.#host;
    try {
      await replica.batch(buildRefundMoney(order, refund, now(), shiftId()));
    } catch (error) {
      // another tab of this register wrote it first
      const isThere = (await replica.collection(transactions).get(refund.id)) !== undefined;
      if (!(error instanceof WriteRejection && isThere)) throw error;
    }
    // The kitchen never holds up the money.
    await this.#tellKitchen(order).catch(() => undefined);
  }

  async #tellKitchen({ localId, data }: ReplicaRecord<Order>): Promise<void> {
    const { replica, kitchen } = this.#host;
    const before = await replica.collection(tickets).get(localId);
    const ticket = ticketOf(data, { ...kitchen(), orderId: localId, before: before?.data ?? null });
    if (ticket) await replica.collection(tickets).put(ticket, before && { readAt: before.readAt });
  }

  /** Nobody was given anything: what the server did not take is not left for people to decide. */
  async #giveUp(record: ReplicaRecord<Order>): Promise<void> {
    const { replica } = this.#host;
    if (record.conflict) await replica.settle(record.conflict, "server");
    if (!record.error) return;
    const entries = await firstValueFrom(replica.outbox$);
    const refused = entries.filter(
      ({ collection, localId, state }) =>
        collection === orders.name && localId === record.localId && state === "rejected",
    );
    for (const { key } of refused) await replica.discardRejected(key);
  }
}
