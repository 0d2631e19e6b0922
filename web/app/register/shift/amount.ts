/** Amounts that people type, in their own notation. Pure. */
import { isMoney } from "@tillwire/protocol/money";

/**
 * Comma or point, whichever comes last, before one or two digits divides the cents; before that both only group.
 * @returns null: no amount from 0 on
 */
export function readAmount(text: string): number | null {
  const plain = text.replace(/[\s\u00a0\u202f'’]/g, "");
  const match = /^(\d{1,3}(?:([.,])\d{3})+|\d*)(?:([.,])(\d{0,2}))?$/.exec(plain);
  if (!match || !/\d/.test(plain)) return null;
  const [, whole = "", groups, divides, cents = ""] = match;
  if (groups !== undefined && groups === divides) return null;
  const amount = Number(`${whole.replace(/[.,]/g, "") || "0"}.${cents || "0"}`);
  return isMoney(amount) ? amount : null;
}
