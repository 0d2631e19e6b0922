/** Numbers that two records claim: the later is taken under an amended one, `ORD-1001-2`. */
import { LIMITS } from "@tillwire/protocol/limits";

/** The longest suffix: a hyphen and eight digits. */
const SUFFIX_LENGTH = 9;

/** What all amended forms of a number begin with, before `-n`: the number itself, or as much of it as leaves room for the suffix. */
export function amendmentPrefix(claimed: string): string {
  const prefix = claimed.slice(0, LIMITS.numberLength - SUFFIX_LENGTH);
  // Half a surrogate pair is no text that a database takes.
  return /[\uD800-\uDBFF]$/.test(prefix) ? prefix.slice(0, -1) : prefix;
}

export function amendNumber(claimed: string, amendment: number): string {
  return `${amendmentPrefix(claimed)}-${amendment}`;
}

/** Whether `number` is an amended form of `claimed`. */
export function isAmendmentOf(number: string, claimed: string): boolean {
  const match = /^(.*)-[1-9]\d{0,7}$/s.exec(number);
  return match !== null && number !== claimed && match[1] === amendmentPrefix(claimed);
}
