/** What a sale, a tab, a refund or a cancellation writes: pure, as intents for `replica.batch`. */
import type { NumberSource, WriteIntent } from "@tillwire/client/api";
import type { Base } from "@tillwire/protocol/messages";
import { fromCents, toCents, type Rounding } from "@tillwire/protocol/money";
import type { PaymentMethod, Person } from "@tillwire/protocol/pos/fields";
import { orders, type Order, type OrderItem } from "@tillwire/protocol/pos/orders";
import { lineCents, orderTotals, type OrderTotals, type TaxMode } from "@tillwire/protocol/pos/totals";
import { transactions, type Transaction } from "@tillwire/protocol/pos/transactions";
import { discountCents, type Discount } from "./discount.ts";
import { methodOf, tipsOfParts, type Payment } from "./payment.ts";

/** An order of the feed that was opened for editing, and where its value stood then. */
export interface OpenedOrder {
  /** What it is known by; its data may bear another id, where existing devices gave two sales one. */
  readonly localId: string;
  readonly data: Order;
  readonly readAt: Base;
  readonly hash: string;
}
export interface Draft {
  readonly items: readonly OrderItem[];
  readonly notes: string;
  /** Of the whole order. */
  readonly discount: Discount | null;
  readonly customerName: string;
  readonly opened: OpenedOrder | null;
  /**
   * Made once for a sale, whatever becomes of an attempt to save it: a new order and the payments get their ids from it, so that the
   * sale is never there twice. null: there was no attempt.
   */
  readonly saleId: string | null;
}
export const EMPTY_DRAFT: Draft = {
  ...{ items: [], notes: "", discount: null, customerName: "", opened: null },
  saleId: null,
};

/** This sale is an order already: by an attempt before a reload, or in a copy of the tab. */
export class SaleIsSaved extends Error {
  readonly code = "SALE_SAVED";
}

export interface TaxRules {
  readonly taxMode: TaxMode;
  readonly taxRounding?: Rounding | null | undefined;
}
/** Who and when, settled before the batch: `build` of a batch may run twice and must say the same each time. */
export interface SaleContext extends TaxRules {
  readonly now: number;
  readonly newId: () => string;
  readonly userId: string;
  readonly userName: string;
  /** Of whose drawer the money is; absent: sold without a shift. */
  readonly shiftId?: string | null | undefined;
}

export type Build = (numbers: NumberSource) => readonly WriteIntent[];

/** What the draft comes to by the shop's rules. */
export function draftTotals(draft: Pick<Draft, "items" | "discount">, rules: TaxRules): OrderTotals {
  const wholeCents = draft.items.reduce((sum, item) => sum + lineCents(item), 0);
  const discount = fromCents(discountCents(draft.discount, wholeCents));
  return orderTotals(draft.items, discount, rules.taxMode, rules.taxRounding ?? undefined);
}

/** Order and a SALE transaction for each part of the payment, together. */
export function buildSale(draft: Draft, payment: Payment, context: SaleContext): Build {
  const saleId = draft.saleId ?? context.newId();
  const orderId = draft.opened?.localId ?? saleId;
  // two registers that took money for one open order have sale ids of their own
  const ids = payment.parts.map((_, index) => `${saleId}-${index + 1}`);
  const tips = tipsOfParts(payment);
  return (numbers) => {
    const order: Order = {
      ...draftOrder(draft, orderId, numbers, context),
      paymentMethod: methodOf(payment.parts),
      paymentStatus: "PAID",
      orderStatus: "COMPLETED",
      completedAt: context.now,
      ...(payment.tip > 0 && { tip: payment.tip }),
      payments: payment.parts.map(({ method, amount, given }, index) => ({
        ...{ id: ids[index]!, method, amount },
        ...(given !== null && { given }),
      })),
    };
    const sales = payment.parts.map(({ method, amount, given }, index) => {
      const tip = tips[index]!;
      const money = {
        ...{ method, amount: fromCents(toCents(amount) - toCents(tip)) },
        more: { ...(tip > 0 && { tip }), ...(given !== null && { given }) },
      };
      return putTransaction(ids[index]!, { ...order, id: orderId }, money, numbers, context);
    });
    return [putOrder(order, draft.opened), ...sales];
  };
}

/** An open order that any register can pick up. How it will be paid is not known yet. */
export function buildOpenOrder(draft: Draft, context: SaleContext): Build {
  const orderId = draft.opened?.localId ?? draft.saleId ?? context.newId();
  return (numbers) => [putOrder(draftOrder(draft, orderId, numbers, context), draft.opened)];
}

/** Says who has the open order in the cart; null: nobody any more. */
export function buildHolder(opened: Omit<OpenedOrder, "hash">, holder: Order["holder"]): Build {
  return () => [putOrder({ ...opened.data, holder: holder ?? null }, opened)];
}

export function buildCancel(opened: Omit<OpenedOrder, "hash">, by?: Person): Build {
  const { holder: _holder, ...order } = opened.data;
  return () => [putOrder({ ...order, orderStatus: "CANCELLED", ...(by && { cancelledBy: by }) }, opened)];
}

function draftOrder(draft: Draft, id: string, numbers: NumberSource, context: SaleContext): Order {
  // nobody has it in a cart once it is saved
  const { holder: _holder, discountPercent: _percent, ...before }: Partial<Order> = draft.opened?.data ?? {};
  return {
    paymentMethod: "OTHER",
    paymentStatus: "PENDING",
    orderStatus: "PENDING",
    createdAt: context.now,
    id,
    ...before, // members that this build does not know are kept
    orderNumber: before.orderNumber ?? numbers.next("order"),
    items: [...draft.items],
    ...draftTotals(draft, context),
    ...(draft.discount?.kind === "percent" && { discountPercent: draft.discount.value }),
    taxMode: context.taxMode,
    taxRounding: context.taxRounding ?? "HALF_UP",
    notes: draft.notes.trim() || null,
    ...(before.customerName || draft.customerName ? { customerName: draft.customerName.trim() || null } : {}),
    userId: context.userId,
    userName: context.userName,
  };
}

function putOrder(data: Order, opened: Omit<OpenedOrder, "hash"> | null): WriteIntent {
  const known = opened && { localId: opened.localId, readAt: opened.readAt };
  return { op: "put", collection: orders.name, data, ...known };
}

interface Money {
  readonly method: PaymentMethod;
  readonly amount: number;
  readonly more: Partial<Transaction>;
}

function putTransaction(
  id: string,
  order: Order,
  { method, amount, more }: Money,
  numbers: NumberSource,
  { now, userId, userName, shiftId }: SaleContext,
): WriteIntent {
  const data: Transaction = {
    id,
    referenceNumber: numbers.next("transaction"),
    orderId: order.id,
    orderNumber: order.orderNumber,
    type: "SALE",
    amount,
    paymentMethod: method,
    status: "COMPLETED",
    userId,
    userName,
    createdAt: now,
    completedAt: now,
    ...(shiftId && { shiftId }),
    ...more,
  };
  return { op: "put", collection: transactions.name, data };
}
