/**
 * Frames: a stretch of the feed as the text that goes out. Changes arrive as JSON text and are spliced in: nobody parses them here.
 */
import { choiceOf, type SyncPosition } from "@tillwire/protocol/sync-token";
import { LIMITS } from "@tillwire/protocol/limits";
import type { FeedPage, Stamp } from "./store/store.ts";

/** A contiguous part (from, to] of the feed, whether read as a page or fresh from a commit. */
export type Stretch = FeedPage;

/** The collections that a session chose; sessions of one choice share their frames. */
export interface Choice {
  readonly key: string;
  /** null: all. */
  readonly collections: readonly string[] | null;
}

/** What most devices choose. */
const ALL: Choice = { key: choiceOf(null), collections: null };

export function choose(collections: readonly string[] | null | undefined): Choice {
  if (!collections) return ALL;
  return { key: choiceOf(collections), collections: [...new Set(collections)].sort() };
}

/** The text of a `changes` message, with what the choice leaves of the stretch. */
export function encodeFrame(stretch: Stretch, choice: Choice, tokenOf: (position: SyncPosition) => string): string {
  const token = tokenOf({ epoch: stretch.epoch, cursor: stretch.to, choice: choice.key, stamp: stretch.stamp });
  const chosen = choice.collections && new Set(choice.collections);
  let changes = "";
  for (const change of stretch.changes) {
    if (chosen && !chosen.has(change.collection)) continue;
    changes += (changes === "" ? "" : ",") + change.json;
  }
  const { from, to, head } = stretch;
  const digests = to === head ? `,"digests":${encodeDigests(stretch, chosen)}` : "";
  return `{"type":"changes","from":${from},"to":${to},"head":${head},"syncToken":"${token}","changes":[${changes}]${digests}}`;
}

function encodeDigests(stretch: Stretch, chosen: ReadonlySet<string> | null): string {
  const digests = [...stretch.digests].filter(([collection]) => !chosen || chosen.has(collection));
  return JSON.stringify(Object.fromEntries(digests));
}

/** The stamp of a seq within the stretch; undefined: the stretch does not tell, its change having been superseded since. */
function stampWithin({ from, fromStamp, to, stamp, changes }: Stretch, seq: number): Stamp | undefined {
  if (seq === from) return fromStamp;
  if (seq === to) return stamp;
  return changes.find((change) => change.seq === seq)?.stamp;
}

/**
 * What somebody who has reached `from` still needs of the stretch.
 * @param fromStamp as they have read it
 * @returns null: it is not sure that the stretch continues what they have read
 */
export function sliceStretch(stretch: Stretch, from: number, fromStamp: Stamp): Stretch | null {
  if (stampWithin(stretch, from) !== fromStamp) return null;
  if (from === stretch.from) return stretch;
  return { ...stretch, from, fromStamp, changes: stretch.changes.filter((change) => change.seq > from) };
}

/** Whether a page of the same epoch proves a loss to whoever read its `from` under this stamp. */
export function isOtherHistory({ from, fromStamp, head }: Stretch, stamp: Stamp): boolean {
  return head < from || fromStamp !== stamp;
}

/** Pieces of at most `maxBytes` of changes each, or of one change: a group commit may be larger than a frame. */
export function splitStretch(stretch: Stretch, maxBytes: number = LIMITS.frameBytes): Stretch[] {
  const pieces: Stretch[] = [];
  let { from, fromStamp } = stretch;
  let start = 0;
  let bytes = 0;
  stretch.changes.forEach((change, index) => {
    const size = Buffer.byteLength(change.json);
    if (index > start && bytes + size > maxBytes) {
      const { seq: to, stamp } = stretch.changes[index - 1]!;
      pieces.push({ ...stretch, from, fromStamp, to, stamp, changes: stretch.changes.slice(start, index) });
      from = to;
      fromStamp = stamp;
      start = index;
      bytes = 0;
    }
    bytes += size;
  });
  pieces.push({ ...stretch, from, fromStamp, changes: stretch.changes.slice(start) });
  return pieces;
}
