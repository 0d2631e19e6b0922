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

export const ROUNDINGS = ["HALF_UP", "HALF_EVEN"] as const;
/** Of halves of a cent: away from zero, as most tills do, or to the even neighbour. */
export type Rounding = (typeof ROUNDINGS)[number];

/**
 * `numerator / denominator` cents as whole cents, computed exactly: no binary fraction decides about a cent.
 * @param denominator above 0
 */
export function roundedCents(numerator: bigint, denominator: bigint, rounding: Rounding = "HALF_UP"): number {
  const sign = numerator < 0n ? -1 : 1;
  const doubled = 2n * (numerator < 0n ? -numerator : numerator);
  let cents = doubled / (2n * denominator);
  const rest = doubled - 2n * denominator * cents;
  if (rest > denominator || (rest === denominator && (rounding === "HALF_UP" || cents % 2n === 1n))) cents += 1n;
  return cents === 0n ? 0 : sign * Number(cents);
}
