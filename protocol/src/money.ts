/**
 * Money on the wire is a JSON number with at most two decimals; arithmetic happens in integer cents, here and nowhere else.
 */

/** Largest amount, in cents: what the reporting views' numeric(10,2) can hold. */
export const MAX_CENTS = 9_999_999_999;

/** True for a number that is exactly an amount of cents within bounds. */
export function isMoney(amount: number): boolean {
  return Number.isFinite(amount) && Math.abs(amount) <= MAX_CENTS / 100 && Math.round(amount * 100) / 100 === amount;
}

/** An amount as on the wire to cents. The caller has checked it with isMoney. */
export function toCents(amount: number): number {
  return Math.round(amount * 100);
}

/** Cents to an amount as on the wire: the double nearest to the decimal. */
export function fromCents(cents: number): number {
  return Math.round(cents) / 100;
}

/** Rounds half away from zero, as tills do; `cents` may be fractional. */
export function roundCents(cents: number): number {
  // The epsilon undoes the binary representation of products such as 1.005 * 100.
  return Math.sign(cents) * Math.round(Math.abs(cents) + 1e-7);
}
