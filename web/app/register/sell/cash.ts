/** Cash over the counter: what a customer is likely to hand over, and the change. Amounts as on the wire; arithmetic in cents. */
import { fromCents, toCents } from "@tillwire/protocol/money";

/** Notes in cents, common to most currencies with two decimals. */
const NOTES = [500, 1_000, 2_000, 5_000, 10_000, 20_000];

/** Up to five amounts, smallest first: exact, then what rounds up to a note. */
export function quickAmounts(total: number): readonly number[] {
  const totalCents = toCents(total);
  const amounts = new Set([totalCents]);
  for (const note of NOTES) amounts.add(Math.ceil(totalCents / note) * note);
  return [...amounts]
    .sort((a, b) => a - b)
    .slice(0, 5)
    .map(fromCents);
}

/** Negative while something is missing. */
export function changeOf(total: number, given: number): number {
  return fromCents(toCents(given) - toCents(total));
}

/** The keypad types cents from the right, as tills do: 1, 12, 123 are 0.01, 0.12, 1.23. */
export function typeDigits(cents: number, digits: string): number {
  const next = Number(`${cents}${digits}`);
  return next > 99_999_999 ? cents : next;
}

export function eraseDigit(cents: number): number {
  return Math.floor(cents / 10);
}
