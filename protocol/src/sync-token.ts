/**
 * The opaque sync token: a cursor with the epoch that it belongs to, where a device chose its collections a fingerprint of the
 * choice, since a cursor says nothing about collections that were not read, and the stamp of the commit that gave the cursor's seq.
 * The server signs it: a cursor ahead of the head, or at a seq that another commit gave, proves that the database lost something,
 * and only what the server itself has given out can prove that.
 */
import { sha256Hex } from "./hash.ts";

export interface SyncPosition {
  readonly epoch: string;
  /** Highest seq applied. */
  readonly cursor: number;
  /** `allCollections` or the fingerprint of the chosen ones. */
  readonly choice: string;
  /** Of the commit that gave the cursor's seq; null: it bears none (seq 0, or from before there were stamps); absent: the token does not say. */
  readonly stamp?: string | null;
}

/** @returns 1 to 64 characters of `A-Za-z0-9_-` that nobody else can make of the text */
export type Sign = (text: string) => string;

const POSITION = String.raw`([A-Za-z0-9-]{1,64})\.(\d{1,16})\.([a-z0-9]{1,16})`;
/** Nobody's word for it: of former versions, and of tests. */
const UNSIGNED = new RegExp(String.raw`^tw1\.${POSITION}$`);
/** Of a former version, that knew no stamps. */
const UNSTAMPED = new RegExp(String.raw`^tw2\.(${POSITION})\.([\w-]{1,64})$`);
const SIGNED = new RegExp(String.raw`^tw3\.(${POSITION}\.([\w-]{1,16}))\.([\w-]{1,64})$`);
const NO_STAMP = "0";

/** The choice of a device that named no collections. */
export const ALL_COLLECTIONS = "all";

/** Order and repetition of the names do not matter. */
export function choiceOf(collections: readonly string[] | undefined | null): string {
  if (!collections) return ALL_COLLECTIONS;
  return sha256Hex([...new Set(collections)].sort().join(",")).slice(0, 12);
}

/** @param sign absent: the token proves nothing */
export function formatSyncToken({ epoch, cursor, choice, stamp }: SyncPosition, sign?: Sign): string {
  const position = `${epoch}.${cursor}.${choice}`;
  if (!sign) return `tw1.${position}`;
  if (stamp === undefined) return `tw2.${position}.${sign(position)}`;
  const stamped = `${position}.${stamp ?? NO_STAMP}`;
  return `tw3.${stamped}.${sign(stamped)}`;
}

/** What a token says, whoever made it. Null for anything that no server of this protocol gives. */
export function parseSyncToken(token: string): SyncPosition | null {
  const signed = SIGNED.exec(token);
  const match = signed?.slice(1) ?? UNSTAMPED.exec(token)?.slice(1) ?? UNSIGNED.exec(token);
  if (!match) return null;
  const [, epoch, cursorText, choice, stamp] = match;
  const cursor = Number(cursorText);
  if (!Number.isSafeInteger(cursor)) return null;
  const position = { epoch: epoch!, cursor, choice: choice! };
  return signed ? { ...position, stamp: stamp === NO_STAMP ? null : stamp! } : position;
}

/** The signature, and the text that it has to be of; null: the token bears none. */
export function signatureOf(token: string): { readonly text: string; readonly signature: string } | null {
  const match = SIGNED.exec(token) ?? UNSTAMPED.exec(token);
  return match && { text: match[1]!, signature: match.at(-1)! };
}
