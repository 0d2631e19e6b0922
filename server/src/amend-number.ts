/** Numbers that two records claim: the later is taken under an amended one, `ORD-1001-2`. */
import { LIMITS } from "@tillwire/protocol/limits";

/** The longest suffix: a hyphen and eight digits. */
const SUFFIX_LENGTH = 9;

/** What all amended forms of a number begin with, before `-n`: the number itself, or as much of it as leaves room for the suffix. */
export function amendmentPrefix(claimed: string): string {
  return claimed.slice(0, LIMITS.numberLength - SUFFIX_LENGTH);
}

export function amendNumber(claimed: string, amendment: number): string {
  return `${amendmentPrefix(claimed)}-${amendment}`;
}

/** Whether `number` is an amended form of `claimed`. */
export function isAmendmentOf(number: string, claimed: string): boolean {
  const match = /^(.*)-[1-9]\d{0,7}$/s.exec(number);
  return match !== null && number !== claimed && match[1] === amendmentPrefix(claimed);
}
