/** Paying in one go or in several, with or without a tip. Plain data; arithmetic in cents, amounts as on the wire. */
import { fromCents, roundedCents, toCents } from "@tillwire/protocol/money";
import type { PaymentMethod } from "@tillwire/protocol/pos/fields";

/** Money that was taken. */
export interface PaymentPart {
  readonly method: PaymentMethod;
  /** What of it pays for the order and its tip: never the change. */
  readonly amount: number;
  /** Cash handed over, where it was more; null: exactly the amount. */
  readonly given: number | null;
}
export interface Payment {
  /** Together total and tip, to the cent. */
  readonly parts: readonly PaymentPart[];
  /** On top of the total. */
  readonly tip: number;
}

/** The whole amount at once. */
export function paidInFull(method: PaymentMethod, total: number, given: number | null, tip = 0): Payment {
  return { parts: [{ method, amount: fromCents(toCents(total) + toCents(tip)), given }], tip };
}

/** What is still to be paid; negative: more was taken than the order costs by now. */
export function remainingOf(total: number, tip: number, parts: readonly PaymentPart[]): number {
  return fromCents(toCents(total) + toCents(tip) - partsCents(parts));
}

/**
 * The part that `entered` makes of what remains.
 * @param entered typed or handed over; null: exactly what remains. Beyond it only cash goes: the rest is change
 */
export function partOf(method: PaymentMethod, remaining: number, entered: number | null): PaymentPart {
  if (entered === null) return { method, amount: remaining, given: null };
  const amount = fromCents(Math.min(toCents(entered), toCents(remaining)));
  return { method, amount, given: method === "CASH" && toCents(entered) > toCents(amount) ? entered : null };
}

export function changeOfPart({ amount, given }: PaymentPart): number {
  return given === null ? 0 : fromCents(toCents(given) - toCents(amount));
}
export function changeOfParts(parts: readonly PaymentPart[]): number {
  return fromCents(parts.reduce((sum, part) => sum + toCents(changeOfPart(part)), 0));
}

/** The method if all parts agree, else OTHER. */
export function methodOf(parts: readonly PaymentPart[]): PaymentMethod {
  const methods = new Set(parts.map(({ method }) => method));
  return methods.size === 1 ? parts[0]!.method : "OTHER";
}

/** How much of each part is tip: the last ones bear it, so that the earlier ones pay for the order. */
export function tipsOfParts({ parts, tip }: Payment): readonly number[] {
  let leftCents = toCents(tip);
  return parts
    .toReversed()
    .map(({ amount }) => {
      const cents = Math.min(leftCents, toCents(amount));
      leftCents -= cents;
      return fromCents(cents);
    })
    .toReversed();
}

/** @param percent 10 is 10 % */
export function tipOf(total: number, percent: number): number {
  return fromCents(roundedCents(BigInt(toCents(total)) * BigInt(Math.round(percent * 100)), 10_000n));
}

/** What was taken. */
export function takenOf(parts: readonly PaymentPart[]): number {
  return fromCents(partsCents(parts));
}

/** Nothing is no part of a payment; only what costs nothing is paid with it. */
export function isPart(remaining: number, entered: number | null): boolean {
  return entered === null || toCents(entered) > 0 || toCents(remaining) === 0;
}

function partsCents(parts: readonly PaymentPart[]): number {
  return parts.reduce((sum, { amount }) => sum + toCents(amount), 0);
}
