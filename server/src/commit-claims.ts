/** What the plans of one commit take for themselves. No two of them take the same record or number, and together they stay of a sensible size. */
import { amendNumber } from "./amend-number.ts";
import type { CheckedWrite } from "./checked-write.ts";
import type { PlannedWrite, RecordContext } from "./store/store.ts";

/** A plan may be several times as large as its write: a conflict keeps both sides. */
const MAX_BYTES = 4 * 1024 * 1024;

export class CommitClaims {
  private readonly taken = new Set<string>();
  private bytes = 0;

  /**
   * The context, with numbers that earlier plans take counted as taken: a crowd that claims one number shares a commit, instead of
   * taking one commit each.
   */
  withNumbers(write: CheckedWrite, context: RecordContext): RecordContext {
    const { number } = write;
    // A number that the record bears already is its own; whoever else claims it is refused by the commit.
    if (number === null || context.current?.uniqueKey === number) return context;
    const isTaken = (candidate: string): boolean => this.taken.has(numberKey(write.collection.name, candidate));
    if (!context.number.taken && !isTaken(number)) return context;
    let { nextAmendment } = context.number;
    while (isTaken(amendNumber(number, nextAmendment))) nextAmendment += 1;
    return { ...context, number: { taken: true, nextAmendment } };
  }

  /** Takes what `plan` needs, unless an earlier plan has some of it or the commit is full; the first plan always finds room. */
  claim(plan: PlannedWrite): boolean {
    const keys = plan.rows.flatMap(({ collection, localId, uniqueKey }) => {
      const key = recordKey(collection, localId);
      return uniqueKey === null ? [key] : [key, numberKey(collection, uniqueKey)];
    });
    if (this.bytes >= MAX_BYTES || keys.some((key) => this.taken.has(key))) return false;
    for (const key of keys) this.taken.add(key);
    this.bytes += bytesOf(plan);
    return true;
  }
}

export function recordKey(collection: string, localId: string): string {
  return `${collection}|${localId}`;
}

function numberKey(collection: string, number: string): string {
  return `#${collection}|${number}`;
}

function bytesOf({ remember, rows }: PlannedWrite): number {
  return rows.reduce((sum, { dataJson }) => sum + (dataJson?.length ?? 0), remember?.dataJson?.length ?? 0);
}
