/** The fake server's feed: pages of current values, and digests at the head. */
import { adjustDigest, formatDigest } from "@tillwire/protocol/digest";
import type { Change, Changes, Digests } from "@tillwire/protocol/messages";
import { choiceOf, formatSyncToken } from "@tillwire/protocol/sync-token";

interface FakeFeed {
  readonly records: ReadonlyMap<string, Change>;
  readonly epoch: string;
  readonly head: number;
  readonly pageSize: number;
}

export function pageOf(
  { records, epoch, head, pageSize }: FakeFeed,
  from: number,
  collections: readonly string[] | undefined,
): Changes {
  const chosen = [...records.values()].filter((record) => !collections || collections.includes(record.collection));
  const above = chosen.filter((record) => record.seq > from).sort((a, b) => a.seq - b.seq);
  const changes = above.slice(0, pageSize);
  const to = changes.length < above.length ? changes.at(-1)!.seq : head;
  const syncToken = formatSyncToken({ epoch, cursor: to, choice: choiceOf(collections) });
  const frame = { type: "changes" as const, from, to, head, syncToken, changes };
  return to === head ? { ...frame, digests: digestsOf(records.values(), collections) } : frame;
}

export function digestsOf(records: Iterable<Change>, collections: readonly string[] | undefined): Digests {
  const sums = new Map<string, { count: number; sum: bigint }>();
  for (const record of records) {
    if (collections && !collections.includes(record.collection)) continue;
    const { count, sum } = sums.get(record.collection) ?? { count: 0, sum: 0n };
    sums.set(record.collection, { count: count + 1, sum: adjustDigest(sum, null, record) });
  }
  return Object.fromEntries([...sums].map(([name, { count, sum }]) => [name, { count, digest: formatDigest(sum) }]));
}
