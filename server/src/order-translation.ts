/**
 * Which order a transaction means. Existing devices make ids of five random digits, so the store keeps some orders under amended ids;
 * the orderId of their transactions is translated by orderId and orderNumber. Pure.
 */
import { LIMITS } from "@tillwire/protocol/limits";
import { isAmendmentOf } from "./amend-number.ts";
import type { OrderCandidate } from "./store/seed-queries.ts";

/** What a transaction says of its order. */
export interface OrderMention {
  readonly orderId: string;
  readonly orderNumber: string | null;
  /** Creator of the transaction, which usually made the order too. */
  readonly createdBy: string;
}

/** What ids made of `orderId` begin with, before a full stop (see refiledId in checked-write.ts). */
export function refiledPrefixes(orderId: string): string[] {
  const roomForTime = 17;
  return orderId.length + roomForTime <= LIMITS.idLength ? [orderId] : [orderId, orderId.slice(0, 20)];
}

/** The localId of the order that is meant; null: none that is known. */
export function orderMeant(mention: OrderMention, candidates: readonly OrderCandidate[]): string | null {
  const prefixes = refiledPrefixes(mention.orderId).map((prefix) => `${prefix}.`);
  const meant = candidates
    .filter(({ localId }) => localId === mention.orderId || prefixes.some((prefix) => localId.startsWith(prefix)))
    .map((candidate) => ({ candidate, rank: rankOf(mention, candidate) }))
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank || b.candidate.seq - a.candidate.seq);
  return meant[0]?.candidate.localId ?? null;
}

// The number decides first, then who made it; the id as it was sent settles what is left.
function rankOf({ orderId, orderNumber, createdBy }: OrderMention, candidate: OrderCandidate): number {
  const claims = orderNumber === null || candidate.number === null || isNumber(candidate.number, orderNumber);
  if (!claims) return 0;
  return (
    1 +
    (candidate.createdBy === createdBy ? 4 : 0) +
    (candidate.number === orderNumber ? 2 : 0) +
    (candidate.localId === orderId ? 1 : 0)
  );
}

function isNumber(kept: string, sent: string): boolean {
  return kept === sent || isAmendmentOf(kept, sent);
}
