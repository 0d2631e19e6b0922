/** What a keypad makes of figures: the first digit replaces what stood there, the next ones join it. */
import { fromCents, toCents } from "@tillwire/protocol/money";
import { eraseDigit, typeDigits } from "./cash.ts";
import type { Discount } from "./discount.ts";

/** @param fresh nothing was typed since the field was chosen */
export function typeQuantity(quantity: number, digits: string, fresh: boolean, most: number): number {
  const next = Number(`${fresh ? "" : quantity}${digits}`);
  return next > most ? quantity : next;
}

/** Amounts grow by cents from the right, per cent are whole ones. */
export function typeDiscount(discount: Discount, digits: string, fresh: boolean): Discount {
  const { kind, value } = fresh ? { ...discount, value: 0 } : discount;
  if (kind === "amount") return { kind, value: fromCents(typeDigits(toCents(value), digits)) };
  const percent = Number(`${Math.trunc(value)}${digits}`);
  return { kind, value: percent > 100 ? value : percent };
}

export function eraseDiscount({ kind, value }: Discount): Discount {
  return { kind, value: kind === "amount" ? fromCents(eraseDigit(toCents(value))) : eraseDigit(Math.trunc(value)) };
}
