/**
 * The opaque sync token: a cursor with the epoch that it belongs to and, where a device chose its collections, a fingerprint of
 * the choice, since a cursor says nothing about collections that were not read. The server signs it: a cursor ahead of the head
 * proves that the database lost something, and only what the server itself has given out can prove that.
 */
import { sha256Hex } from "./hash.ts";

export interface SyncPosition {
  readonly epoch: string;
  /** Highest seq applied. */
  readonly cursor: number;
  /** `allCollections` or the fingerprint of the chosen ones. */
  readonly choice: string;
}

/** @returns 1 to 64 characters of `A-Za-z0-9_-` that nobody else can make of the text */
export type Sign = (text: string) => string;

const POSITION = String.raw`([A-Za-z0-9-]{1,64})\.(\d{1,16})\.([a-z0-9]{1,16})`;
/** Nobody's word for it: of former versions, and of tests. */
const UNSIGNED = new RegExp(String.raw`^tw1\.${POSITION}$`);
const SIGNED = new RegExp(String.raw`^tw2\.${POSITION}\.([\w-]{1,64})$`);

/** The choice of a device that named no collections. */
export const ALL_COLLECTIONS = "all";

/** Order and repetition of the names do not matter. */
export function choiceOf(collections: readonly string[] | undefined | null): string {
  if (!collections) return ALL_COLLECTIONS;
  return sha256Hex([...new Set(collections)].sort().join(",")).slice(0, 12);
}

/** @param sign absent: the token proves nothing */
export function formatSyncToken({ epoch, cursor, choice }: SyncPosition, sign?: Sign): string {
  const position = `${epoch}.${cursor}.${choice}`;
  return sign ? `tw2.${position}.${sign(position)}` : `tw1.${position}`;
}

/** What a token says, whoever made it. Null for anything that no server of this protocol gives. */
export function parseSyncToken(token: string): SyncPosition | null {
  const match = SIGNED.exec(token) ?? UNSIGNED.exec(token);
  if (!match) return null;
  const cursor = Number(match[2]);
  return Number.isSafeInteger(cursor) ? { epoch: match[1]!, cursor, choice: match[3]! } : null;
}

/** The signature, and the text that it has to be of; null: the token bears none. */
export function signatureOf(token: string): { readonly text: string; readonly signature: string } | null {
  const match = SIGNED.exec(token);
  return match && { text: match.slice(1, 4).join("."), signature: match[4]! };
}
