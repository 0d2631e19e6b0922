/** What a receipt says, in the order in which it says it: pure, from the order and the shop's settings; drawn on screen and on every printer. */
import { fromCents, toCents } from "@tillwire/protocol/money";
import type { Settings } from "@tillwire/protocol/pos/catalogue";
import type { PaymentMethod } from "@tillwire/protocol/pos/fields";
import { taxModeOf, type Order, type OrderItem } from "@tillwire/protocol/pos/orders";
import { refundLineCents, type Refund } from "@tillwire/protocol/pos/refunds";
import { taxesOf } from "@tillwire/protocol/pos/report";
import { detailsOf } from "@tillwire/protocol/pos/ticket-of-order";
import { lineCents } from "@tillwire/protocol/pos/totals";
import type { OrderMessages } from "../../messages/messages.svelte.ts";

export interface ReceiptInput {
  readonly order: Order;
  /** The receipt of this refund; null: of the sale. */
  readonly refund: Refund | null;
  /** null: not here yet. */
  readonly shop: Pick<Settings, "receiptHeader" | "receiptFooter" | "taxMode"> | null;
  readonly shopName: string;
  /** A receipt of it was printed before. */
  readonly isCopy: boolean;
  readonly isOnServer: boolean;
}
export interface ReceiptWords {
  readonly texts: OrderMessages["receipt"];
  readonly methods: Readonly<Record<PaymentMethod, string>>;
  money(amount: number): string;
  percent(fraction: number): string;
  dateTime(at: number): string;
}

export interface ReceiptLine {
  readonly quantity: number;
  readonly name: string;
  /** Variation, modifiers, note, discount. */
  readonly details: readonly string[];
  readonly amount: string;
}
/** A label and what belongs to it. */
export interface ReceiptRow {
  readonly label: string;
  readonly value: string;
  readonly isStrong?: boolean;
}
export interface ReceiptModel {
  readonly shopName: string;
  readonly header: readonly string[];
  /** In capitals, before all else: COPY, REFUND, NOT PAID. */
  readonly marks: readonly string[];
  readonly facts: readonly ReceiptRow[];
  readonly lines: readonly ReceiptLine[];
  readonly sums: readonly ReceiptRow[];
  readonly payments: readonly ReceiptRow[];
  /** Its heading and one row for each rate; empty where there is no tax. */
  readonly taxes: readonly (readonly [rate: string, net: string, tax: string, gross: string])[];
  /** Small print above the footer. */
  readonly remarks: readonly string[];
  readonly footer: readonly string[];
  /** In the QR code. */
  readonly number: string;
}

export function receiptOf(input: ReceiptInput, words: ReceiptWords): ReceiptModel {
  const { order, refund, shop, shopName, isOnServer } = input;
  const { texts } = words;
  const number = refund
    ? `${order.orderNumber}-R${(order.refunds?.findIndex(({ id }) => id === refund.id) ?? 0) + 1}`
    : order.orderNumber;
  return {
    ...{ shopName, number },
    // many shops begin their header with their name
    header: (shop?.receiptHeader ?? []).filter((line) => line !== shopName),
    marks: marksOf(input, texts),
    facts: factsOf(order, refund, number, words),
    lines: refund ? refundLines(order, refund, words) : order.items.map((item) => lineOf(item, words)),
    sums: refund
      ? [{ label: texts.givenBack, value: words.money(refund.amount), isStrong: true }]
      : sumsOf(input, words),
    payments: refund
      ? [{ label: words.methods[refund.method], value: words.money(refund.amount) }]
      : paymentsOf(order, words),
    taxes: taxTable(order, refund, words),
    remarks: [
      ...(refund?.reason ? [`${texts.reason}: ${refund.reason}`] : !refund && order.notes ? [order.notes] : []),
      ...(isOnServer ? [] : [texts.offline]),
    ],
    footer: shop?.receiptFooter ?? [],
  };
}

function marksOf({ order, refund, isCopy }: ReceiptInput, texts: ReceiptWords["texts"]): string[] {
  const isOpen = order.paymentStatus === "PENDING" || order.paymentStatus === "FAILED";
  const state = refund
    ? texts.refund
    : order.orderStatus === "CANCELLED"
      ? texts.cancelled
      : isOpen
        ? texts.open
        : null;
  return [...(isCopy ? [texts.copy] : []), ...(state === null ? [] : [state])];
}

function factsOf(order: Order, refund: Refund | null, number: string, { texts, dateTime }: ReceiptWords): ReceiptRow[] {
  const row = (label: string, value: string | null | undefined) => (value ? [{ label, value }] : []);
  return [
    { label: `${texts.number} ${number}`, value: dateTime(refund?.at ?? order.completedAt ?? order.createdAt) },
    ...(refund ? row(texts.ofReceipt, order.orderNumber) : []),
    ...row(texts.cashier, refund ? refund.by.name : order.userName),
    ...row(texts.customer, order.customerName),
    ...row(texts.table, order.tableName),
  ];
}

function lineOf(item: OrderItem, { texts, money }: ReceiptWords): ReceiptLine {
  const details = [
    ...detailsOf(item),
    ...(item.notes ? [item.notes] : []),
    ...(item.discount ? [`${texts.discount} −${money(item.discount)}`] : []),
  ];
  return { quantity: item.quantity, name: item.product.name, details, amount: money(fromCents(lineCents(item))) };
}

function refundLines(order: Order, refund: Refund, { money }: ReceiptWords): ReceiptLine[] {
  return refundLineCents(order, refund).map(({ item, quantity, cents }) => ({
    quantity,
    name: item.product.name,
    details: detailsOf(item),
    amount: money(fromCents(cents)),
  }));
}

function sumsOf({ order, shop }: ReceiptInput, { texts, money }: ReceiptWords): ReceiptRow[] {
  const isOnTop = (taxModeOf(order) ?? shop?.taxMode) === "exclusive";
  const row = (label: string, amount: number, sign = "") => [{ label, value: `${sign}${money(amount)}` }];
  return [
    ...(order.discount || isOnTop ? row(texts.subtotal, order.subtotal) : []),
    ...(order.discount ? row(texts.discount, order.discount, "−") : []),
    ...(isOnTop && order.tax ? row(texts.tax, order.tax) : []),
    { label: texts.total, value: money(order.total), isStrong: true },
    ...(order.tip ? row(texts.tip, order.tip) : []),
  ];
}

function paymentsOf(order: Order, { texts, methods, money }: ReceiptWords): ReceiptRow[] {
  if (order.paymentStatus !== "PAID" && order.paymentStatus !== "REFUNDED") return [];
  const whole = fromCents(toCents(order.total) + toCents(order.tip ?? 0));
  const parts = order.payments ?? [{ method: order.paymentMethod, amount: whole, given: null }];
  return parts.flatMap(({ method, amount, given }) => [
    { label: methods[method], value: money(amount) },
    ...(given
      ? [
          { label: texts.given, value: money(given) },
          { label: texts.change, value: money(fromCents(toCents(given) - toCents(amount))) },
        ]
      : []),
  ]);
}

function taxTable(order: Order, refund: Refund | null, { texts, money, percent }: ReceiptWords): ReceiptModel["taxes"] {
  const rates = taxesOf(order, refund).filter(({ rate, grossCents }) => rate > 0 && grossCents !== 0);
  if (rates.length === 0) return [];
  const rows = rates.map(({ rate, grossCents, taxCents }) => {
    const [net, tax, gross] = [grossCents - taxCents, taxCents, grossCents].map((cents) => money(fromCents(cents)));
    return [percent(rate), net!, tax!, gross!] as const;
  });
  return [[texts.rate, texts.net, texts.tax, texts.gross], ...rows];
}
