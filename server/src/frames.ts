/**
 * Frames: a stretch of the feed as the text that goes out. Changes arrive as JSON text and are spliced in: nobody parses them here.
 */
import { choiceOf, type SyncPosition } from "@tillwire/protocol/sync-token";
import { LIMITS } from "@tillwire/protocol/limits";
import type { FeedPage } from "./store/store.ts";

/** A contiguous part (from, to] of the feed, whether read as a page or fresh from a commit. */
export type Stretch = FeedPage;

/** The collections that a session chose; sessions of one choice share their frames. */
export interface Choice {
  readonly key: string;
  /** null: all. */
  readonly collections: readonly string[] | null;
}

export function choose(collections: readonly string[] | null | undefined): Choice {
  return { key: choiceOf(collections), collections: collections ? [...new Set(collections)].sort() : null };
}

/** The text of a `changes` message, with what the choice leaves of the stretch. */
export function encodeFrame(stretch: Stretch, choice: Choice, tokenOf: (position: SyncPosition) => string): string {
  const token = tokenOf({ epoch: stretch.epoch, cursor: stretch.to, choice: choice.key });
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

/** What a session that has reached `from` still needs of the stretch. */
export function sliceStretch(stretch: Stretch, from: number): Stretch {
  if (from === stretch.from) return stretch;
  return { ...stretch, from, changes: stretch.changes.filter((change) => change.seq > from) };
}

/** Pieces of at most `maxBytes` of changes each, or of one change: a group commit may be larger than a frame. */
export function splitStretch(stretch: Stretch, maxBytes: number = LIMITS.frameBytes): Stretch[] {
  const pieces: Stretch[] = [];
  let from = stretch.from;
  let start = 0;
  let bytes = 0;
  stretch.changes.forEach((change, index) => {
    const size = Buffer.byteLength(change.json);
    if (index > start && bytes + size > maxBytes) {
      const to = stretch.changes[index - 1]!.seq;
      pieces.push({ ...stretch, from, to, changes: stretch.changes.slice(start, index) });
      from = to;
      start = index;
      bytes = 0;
    }
    bytes += size;
  });
  pieces.push({ ...stretch, from, changes: stretch.changes.slice(start) });
  return pieces;
}
