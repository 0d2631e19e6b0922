/** Pages of the feed, asked for as large as they will be. */
import type { FeedQuery } from "./store.ts";

/** How many changes to ask for: each is made text of before it is measured, so that what won't fit into the page is work for nothing. */
export interface PageSize {
  changesFor(query: FeedQuery): number;
  /** @param bytes of so many changes that were read */
  learn(changes: number, bytes: number): void;
}

/** More than will fit by this factor, so that pages are full though records differ. */
const PAGE_MARGIN = 1.25;

export function createPageSize(): PageSize {
  // of the last page; 0: none yet
  let changeBytes = 0;
  return {
    changesFor: ({ maxChanges, maxBytes }) =>
      changeBytes === 0 ? maxChanges : Math.min(maxChanges, Math.ceil((maxBytes / changeBytes) * PAGE_MARGIN)),
    learn(changes, bytes) {
      if (changes > 0) changeBytes = bytes / changes;
    },
  };
}
