/**
 * Giving money back: each refund names the lines and how many of them, and its amount follows from what was paid. The order carries its refunds,
 * so that no two registers together give back more than was paid: the second one's write is made on an older value, and loses.
 */
import * as z from "zod/mini";
import { canonicalJson, sha256Hex } from "../hash.ts";
import { LIMITS } from "../limits.ts";
import { idSchema } from "../messages.ts";
import { fromCents, roundedCents, toCents } from "../money.ts";
import { moneySchema, paymentMethodSchema, personSchema, timeSchema } from "./fields.ts";
import { lineIds } from "./line-ids.ts";
import type { Order, OrderItem } from "./orders.ts";
import { paidLines, type PaidLine } from "./totals.ts";

export const refundSchema = z.looseObject({
  /** That of its REFUND transaction: `refundId`. */
  id: idSchema,
  at: timeSchema,
  /** Their ids as `lineIds` has them. */
  lines: z.array(z.looseObject({ itemId: z.string(), quantity: z.int().check(z.gte(1)) })),
  amount: moneySchema.check(z.gte(0)),
  method: paymentMethodSchema,
  by: personSchema,
  authorisedBy: z.nullish(personSchema),
  reason: z.nullish(z.string()),
});
export type Refund = z.infer<typeof refundSchema>;
export interface RefundedLine {
  readonly item: OrderItem;
  /** As `lineIds` has it. */
  readonly lineId: string;
  readonly quantity: number;
  /** Of the item in the order. */
  readonly index: number;
  readonly cents: number;
  /** In `cents`. */
  readonly taxCents: number;
}
export type RefundLine = Pick<Refund["lines"][number], "itemId" | "quantity">;

/**
 * localId of an order's next refund transaction. Two registers that refund at once make the same one: the second is not taken silently.
 * @param orderId localId of the order: its data may bear another, where existing devices gave two sales one id
 * @param deviceId of a register that gives the money out without asking the server: then it is booked, whoever else refunds
 */
export function refundId(orderId: string, order: Pick<Order, "refunds">, deviceId?: string): string {
  const number = (order.refunds?.length ?? 0) + 1;
  const id = `${orderId}.r${number}${deviceId === undefined ? "" : `.${deviceId}`}`;
  return id.length <= LIMITS.idLength ? id : `${orderId.slice(0, 20)}.${sha256Hex(id).slice(0, 40)}`;
}

/** By line id: how many can still be given back. Empty unless the order was paid. */
export function refundableQuantities(order: Order): Map<string, number> {
  if (order.paymentStatus !== "PAID") return new Map();
  const refunded = refundedQuantities(order.refunds ?? []);
  return new Map([...soldQuantities(order)].map(([id, quantity]) => [id, quantity - (refunded.get(id) ?? 0)]));
}

/** What is left to be given back, on the wire's scale. */
export function refundableAmount(order: Order): number {
  return order.paymentStatus === "PAID" ? fromCents(paidCents(order) - refundedCents(order)) : 0;
}

/**
 * What these lines are worth: their part of the total, with discounts and tax. Whatever is refunded in however many parts adds up to what
 * was paid, to the cent: the last part takes the rest, the tip with it.
 * @param lines at most what `refundableQuantities` says
 */
export function refundAmount(order: Order, lines: readonly RefundLine[]): number {
  const left = refundableQuantities(order);
  for (const { itemId, quantity } of lines) left.set(itemId, (left.get(itemId) ?? 0) - quantity);
  const cents = lineParts(order, lines, order.refunds ?? []).reduce((sum, part) => sum + part.cents, 0);
  const isRest = [...left.values()].every((quantity) => quantity <= 0);
  const restCents = paidCents(order) - refundedCents(order);
  return fromCents(isRest ? restCents : Math.max(0, Math.min(cents, restCents)));
}

/**
 * What each line of a refund came to, as `refundAmount` added it up, and the tax in it: all parts of a line together come to what the line
 * was sold for. The tip is in none of them.
 */
export function refundLineCents(order: Order, refund: Refund): RefundedLine[] {
  const refunds = order.refunds ?? [];
  const at = refunds.findIndex(({ id }) => id === refund.id);
  return lineParts(order, refund.lines, at === -1 ? refunds : refunds.slice(0, at));
}

/** The guard's part: why the step must not happen, or null. */
export function whyNotRefunded(current: Order | null, next: Order): string | null {
  const kept = new Map(next.refunds?.map((refund) => [refund.id, refund]));
  for (const refund of current?.refunds ?? []) {
    const after = kept.get(refund.id);
    if (!after || canonicalJson(after) !== canonicalJson(refund)) return "a refund never changes or vanishes";
  }
  if (!next.refunds || next.refunds.length === 0) return null;
  if (kept.size < next.refunds.length) return "two refunds bear one id";
  if (next.paymentStatus !== "PAID" && next.paymentStatus !== "REFUNDED") return "what was not paid can't be refunded";
  if (refundedCents(next) > paidCents(next)) return "more than was paid can't be refunded";
  const refunded = refundedQuantities(next.refunds);
  const sold = soldQuantities(next);
  for (const [itemId, quantity] of refunded)
    if (quantity > (sold.get(itemId) ?? 0)) return "more than was sold can't be refunded";
  return null;
}

function lineParts(order: Order, lines: readonly RefundLine[], earlier: readonly Refund[]): RefundedLine[] {
  const refunded = refundedQuantities(earlier);
  const quantities = quantitiesOf(lines);
  const paid = paidLines(order);
  const shares = sharesOfTotal(order, paid);
  const ids = lineIds(order.items);
  return order.items.flatMap((item, index) => {
    const lineId = ids[index]!;
    const quantity = quantities.get(lineId) ?? 0;
    if (quantity === 0) return [];
    const before = refunded.get(lineId) ?? 0;
    const part = (cents: number): number =>
      partOf(cents, before + quantity, item.quantity) - partOf(cents, before, item.quantity);
    return [{ item, lineId, quantity, index, cents: part(shares[index]!), taxCents: part(paid[index]!.taxCents) }];
  });
}

function paidCents(order: Order): number {
  return toCents(order.total) + toCents(order.tip ?? 0);
}

/** What the order's refunds come to, tip included. */
export function refundedCents(order: Order): number {
  return (order.refunds ?? []).reduce((sum, refund) => sum + toCents(refund.amount), 0);
}

/** By line id: how many were given back. */
export function refundedQuantities(refunds: readonly Refund[]): Map<string, number> {
  return quantitiesOf(refunds.flatMap(({ lines }) => lines));
}

function soldQuantities({ items }: Order): Map<string, number> {
  const ids = lineIds(items);
  return new Map(items.map(({ quantity }, index) => [ids[index]!, quantity]));
}

function quantitiesOf(lines: readonly RefundLine[]): Map<string, number> {
  const quantities = new Map<string, number>();
  for (const { itemId, quantity } of lines) quantities.set(itemId, (quantities.get(itemId) ?? 0) + quantity);
  return quantities;
}

/** The total in cents, divided among the lines by what they cost with tax; adds up exactly. */
function sharesOfTotal(order: Order, lines: readonly PaidLine[]): number[] {
  const whole = lines.reduce((sum, { grossCents }) => sum + BigInt(grossCents), 0n);
  const totalCents = BigInt(toCents(order.total));
  if (whole <= 0n) return lines.map(() => 0);
  let sum = 0n;
  let given = 0;
  return lines.map(({ grossCents }) => {
    sum += BigInt(grossCents);
    const share = roundedCents(sum * totalCents, whole) - given;
    given += share;
    return share;
  });
}

function partOf(shareCents: number, quantity: number, whole: number): number {
  return whole > 0 ? roundedCents(BigInt(shareCents) * BigInt(quantity), BigInt(whole)) : 0;
}
