/** Which rows are new or changed since the list was last looked at: pure, over the hashes of two looks. */
interface Versioned {
  readonly localId: string;
  readonly hash: string;
}

/** More at once than this is a catch-up, not news: marking everything would mark nothing. */
const MOST_MARKS = 20;

export type Seen = ReadonlyMap<string, string>;

export function seenOf(records: readonly Versioned[]): Seen {
  return new Map(records.map(({ localId, hash }) => [localId, hash]));
}

export function changedSince(seen: Seen, records: readonly Versioned[]): readonly string[] {
  const changed = records.filter(({ localId, hash }) => seen.get(localId) !== hash).map(({ localId }) => localId);
  return changed.length > MOST_MARKS ? [] : changed;
}
