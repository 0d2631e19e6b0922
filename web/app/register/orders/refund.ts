/**
 * Giving money back: pure. With a server it goes in two steps. The order is written with the refund in it; only when that stands on the server is the
 * money's transaction written, and only then are people told to hand it out: of two registers one wins.
 */
import type { RecordSync, ReplicaRecord, WriteIntent } from "@tillwire/client/api";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { canonicalJson } from "@tillwire/protocol/hash";
import type { PaymentMethod, Person } from "@tillwire/protocol/pos/fields";
import { guardOrder, orders, type Order } from "@tillwire/protocol/pos/orders";
import {
  refundableQuantities,
  refundAmount,
  refundId,
  type Refund,
  type RefundLine,
} from "@tillwire/protocol/pos/refunds";
import { transactions, type Transaction } from "@tillwire/protocol/pos/transactions";
import type { Build } from "../sell/sale.ts";

export interface RefundRequest {
  readonly lines: readonly RefundLine[];
  readonly method: PaymentMethod;
  readonly reason: string;
  readonly by: Person;
  /** null: nobody had to. */
  readonly authorisedBy: Person | null;
  /** Register that gives the money back. */
  readonly deviceId: string;
  /** Epoch ms. */
  readonly at: number;
}

/** How a refund can be made: in two steps with the server, both at once on this register alone, or not now. */
export type RefundWay = "server" | "here" | "never";

type KnownOrder = Pick<ReplicaRecord<Order>, "localId" | "data">;

/** The order with one more refund; fully refunded once nothing that was sold is left. */
export function refundedOrder(
  { localId, data: order }: KnownOrder,
  request: RefundRequest,
  way: Exclude<RefundWay, "never">,
): Order {
  const { lines, method, reason, by, authorisedBy, deviceId, at } = request;
  const refund: Refund = {
    ...{ id: refundId(localId, order, way === "here" ? deviceId : undefined), at, lines: [...lines] },
    ...{ amount: refundAmount(order, lines), method, by, deviceId },
    ...(authorisedBy && { authorisedBy }),
    ...(reason.trim() && { reason: reason.trim() }),
  };
  return withRefund(order, refund);
}

function withRefund(order: Order, refund: Refund): Order {
  const next: Order = { ...order, refunds: [...(order.refunds ?? []), refund] };
  const isWhole = [...refundableQuantities(next).values()].every((quantity) => quantity <= 0);
  return isWhole ? { ...next, orderStatus: "REFUNDED", paymentStatus: "REFUNDED" } : next;
}

export function latestRefund(order: Order): Refund {
  const refund = order.refunds?.at(-1);
  if (!refund) throw new Error("the order has no refund");
  return refund;
}

/** The first of two steps: the order alone. */
export function buildRefundedOrder(record: ReplicaRecord<Order>, request: RefundRequest): Build {
  const data = refundedOrder(record, request, "server");
  const { localId, readAt } = record;
  return () => [{ op: "put", collection: orders.name, localId, data, readAt }];
}

/** The second step. @param shiftId of the drawer that the money comes from */
export function buildRefundMoney(order: KnownOrder, refund: Refund, now: number, shiftId?: string | null): Build {
  return (numbers) => [moneyOf(order, refund, now, shiftId, numbers.next("transaction"))];
}

/** Both at once, where nobody else can have refunded it. */
export function buildRefundHere(record: ReplicaRecord<Order>, request: RefundRequest, shiftId?: string | null): Build {
  const data = refundedOrder(record, request, "here");
  const { localId, readAt } = record;
  return (numbers) => [
    { op: "put", collection: orders.name, localId, data, readAt },
    moneyOf({ localId, data }, latestRefund(data), request.at, shiftId, numbers.next("transaction")),
  ];
}

/**
 * @param reached whether the server can be reached
 * @param deviceId of this register
 */
export function wayOf(record: ReplicaRecord<Order>, reached: boolean, deviceId: string): RefundWay {
  if (record.sync === "attention") return "never";
  if (reached && record.sync === "synced") return "server";
  // Sold here, and as far as is known touched by nobody else: what waits here is ahead of everybody.
  const own = record.createdBy === deviceId && record.deviceId === deviceId;
  return own && (record.data.refunds ?? []).every((refund) => isOf(refund, deviceId)) ? "here" : "never";
}

/** Where the first step stands: not decided, taken by the server, or not taken: somebody else was faster, or the order changed. */
export type Standing = "waiting" | "stands" | "lost";

export function standingOf(record: Pick<ReplicaRecord<Order>, "data" | "sync">, refund: Refund): Standing {
  const settled: Record<RecordSync, boolean> = { saved: false, sending: false, synced: true, attention: true };
  if (!settled[record.sync]) return "waiting";
  return record.sync === "synced" && hasRefund(record.data, refund) ? "stands" : "lost";
}

/** Who refunded what we wanted to; null: the order changed in another way. */
export function fasterRefund(order: Order, refund: Refund): Refund | null {
  return order.refunds?.find((each) => each.id === refund.id && !isSame(each, refund)) ?? null;
}

/** Refunds that this register began, and of which the money's transaction is missing: the app ended between the steps, or waits. */
export function unfinishedRefunds(
  records: readonly ReplicaRecord<Order>[],
  deviceId: string,
  isPaidOut: (transactionId: string) => boolean,
): { record: ReplicaRecord<Order>; refund: Refund }[] {
  return records.flatMap((record) =>
    (record.data.refunds ?? [])
      .filter((refund) => isOf(refund, deviceId) && !isPaidOut(refund.id))
      .map((refund) => ({ record, refund })),
  );
}

function hasRefund(order: Order, refund: Refund): boolean {
  return (order.refunds ?? []).some((each) => isSame(each, refund));
}
function isSame(a: Refund, b: Refund): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
function isOf(refund: Refund, deviceId: string): boolean {
  return refund["deviceId"] === deviceId;
}

function moneyOf(
  { localId, data: { orderNumber } }: KnownOrder,
  { id, amount, method, by, authorisedBy, reason }: Refund,
  now: number,
  shiftId: string | null | undefined,
  referenceNumber: string,
): WriteIntent {
  const transaction: Transaction = {
    ...{ id, referenceNumber, orderId: localId, orderNumber, type: "REFUND", amount, paymentMethod: method },
    ...{ status: "COMPLETED", userId: by.id, userName: by.name, createdAt: now, completedAt: now },
    ...(authorisedBy && { authorisedBy }),
    ...(reason && { notes: reason }),
    ...(shiftId && { shiftId }),
  };
  return { op: "put", collection: transactions.name, data: transaction };
}

/** Of an order's lost write: what it says this register gave back without the server, and the server's value does not. */
export function lostRefunds({ collection, status, client, server }: ConflictData, deviceId: string): Refund[] {
  if (collection !== orders.name || status !== "settled" || client.deviceId !== deviceId) return [];
  const refundsIn = (data: unknown): readonly Refund[] => (data as Order | null)?.refunds ?? [];
  const known = new Set(refundsIn(server.data).map(({ id }) => id));
  return refundsIn(client.data).filter((refund) => isOf(refund, deviceId) && !known.has(refund.id));
}

/** The order with a refund that was given out already; null: others gave the same back meanwhile. */
export function withGivenRefund(order: Order, refund: Refund): Order | null {
  const next = withRefund(order, refund);
  return guardOrder(order, next) === null ? next : null;
}
