/**
 * Work that holds the processor, done in short turns: one shop after the other, and between the turns whatever else waits for this
 * process. So a shop that sends much waits for itself, and others wait for one turn of it.
 */

/** Characters of a text whose parsing takes a millisecond and more: it waits for its shop's turn. */
export const LARGE_TEXT = 64 * 1024;
/** About a millisecond of checking writes of 1 KB. */
const ITEMS_A_TURN = 25;

interface Job {
  /** Does some more of it. @returns whether it is done */
  readonly goOn: () => boolean;
  readonly failed: (error: unknown) => void;
}

export class Turns {
  /** By shop, which stand in the order of their turns. */
  readonly #jobs = new Map<string, Job[]>();
  /** A turn is to come, or under way. */
  #isUnderWay = false;

  /** @param soon runs it once what waits for this process has had its turn */
  constructor(private readonly soon: (run: () => void) => void) {}

  /**
   * Does `work` for each item, in their order; at once where they are few and the shop has nothing under way. Jobs of one shop follow one
   * another. Rejects with what `work` throws; the rest is left undone then.
   */
  async each<T>(storeId: string, items: readonly T[], work: (item: T, index: number) => void): Promise<void> {
    if (items.length <= ITEMS_A_TURN && !this.#jobs.has(storeId)) return items.forEach(work);
    await new Promise<void>((done, failed) => {
      let next = 0;
      const goOn = (): boolean => {
        const end = Math.min(next + ITEMS_A_TURN, items.length);
        for (; next < end; next++) work(items[next]!, next);
        if (next < items.length) return false;
        done();
        return true;
      };
      this.#add(storeId, { goOn, failed });
    });
  }

  /** As `each`, with what `work` returns. */
  async map<T, R>(storeId: string, items: readonly T[], work: (item: T, index: number) => R): Promise<R[]> {
    const results: R[] = [];
    await this.each(storeId, items, (item, index) => void results.push(work(item, index)));
    return results;
  }

  /** Does it when the shop's turn comes, by itself: work that is long and can't be parted. */
  one(storeId: string, work: () => void): void {
    const goOn = (): boolean => {
      work();
      return true;
    };
    this.#add(storeId, { goOn, failed: () => undefined });
  }

  #add(storeId: string, job: Job): void {
    const jobs = this.#jobs.get(storeId);
    if (jobs) jobs.push(job);
    else this.#jobs.set(storeId, [job]);
    this.#goOn();
  }

  #goOn(): void {
    if (this.#isUnderWay || this.#jobs.size === 0) return;
    this.#isUnderWay = true;
    this.soon(() => this.#turn());
  }

  #turn(): void {
    const [storeId, jobs] = this.#jobs.entries().next().value!;
    // What is added meanwhile, of this shop as well, finds the turn under way.
    if (isOver(jobs[0]!)) jobs.shift();
    // Behind the other shops, if there is more to do.
    this.#jobs.delete(storeId);
    if (jobs.length > 0) this.#jobs.set(storeId, jobs);
    this.#isUnderWay = false;
    this.#goOn();
  }
}

function isOver(job: Job): boolean {
  try {
    return job.goOn();
  } catch (error) {
    job.failed(error);
    return true;
  }
}
