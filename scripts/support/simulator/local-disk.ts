/** A machine's local database: the client's memory twin, with the time that a disk takes and the moments at which a tab may die. */
import type { LocalStore } from "@tillwire/client/local-store";
import { MemoryDatabase, openMemoryStore } from "@tillwire/client/memory-store";
import type { Schedule } from "./schedule.ts";

/** When the next tx that writes kills the tab that makes it. */
export type TxFault = "inside" | "after";

export class LocalDisk {
  database = new MemoryDatabase();
  isFull = false;
  nextTx: TxFault | null = null;
  /** Told of each tx that has written. */
  written: () => void = () => undefined;
  /** As of the last strict tx: what a power cut leaves. */
  #durable: MemoryDatabase | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly schedule: Schedule,
    private readonly delayMs: number,
    /** Keeps what a power cut would leave. */
    private readonly survivesPowerCuts: boolean,
  ) {}

  /** What was relaxed since the last strict tx is gone. */
  powerCut(): void {
    if (this.#durable) this.database = copyOf(this.#durable);
  }

  clear(): void {
    this.database = new MemoryDatabase();
    this.#durable = null;
  }

  copyTo(other: LocalDisk): void {
    other.database = copyOf(this.database);
  }

  /**
   * A tab's connection.
   * @param isAlive whether the tab is; to a dead one nothing is answered
   * @param kill ends the tab
   */
  open(isAlive: () => boolean, kill: () => void): LocalStore {
    let isClosed = false;
    // Whoever opened this database has it until it is cleared.
    const { database } = this;
    const inner = openMemoryStore(database);
    const begin = async (): Promise<void> => {
      if (this.delayMs > 0) await this.schedule.delay(this.delayMs);
      if (isClosed || this.database !== database) throw new DOMException("the store is closed", "InvalidStateError");
    };
    const answered = <R>(result: Promise<R>): Promise<R> =>
      new Promise((resolve, reject) => {
        result.then(
          (value) => isAlive() && resolve(value),
          (error: unknown) => isAlive() && reject(error as Error),
        );
      });
    return {
      read: (run) =>
        answered(
          this.#exclusively(async () => {
            await begin();
            return inner.read(run);
          }),
        ),
      write: (durability, run) =>
        answered(
          this.#exclusively(async () => {
            await begin();
            if (!isAlive()) throw new Error("the tab is gone");
            const fault = this.nextTx;
            this.nextTx = null;
            const result = await inner
              .write(durability, async (tx) => {
                const value = await run(tx);
                if (this.isFull) throw new DOMException("no room is left", "QuotaExceededError");
                if (fault === "inside") throw new Error("the tab died");
                return value;
              })
              .catch((error: unknown) => {
                if (fault === "inside") kill();
                throw error;
              });
            this.written();
            if (durability === "strict" && this.survivesPowerCuts) this.#durable = copyOf(database);
            if (fault === "after") kill();
            if (this.delayMs > 0) await this.schedule.delay(this.delayMs);
            return result;
          }),
        ),
      close: () => {
        isClosed = true;
        inner.close();
      },
    };
  }

  /** One tx after another, whichever tab asks. */
  #exclusively<R>(run: () => Promise<R>): Promise<R> {
    const result = this.#last.then(run);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}

function copyOf(database: MemoryDatabase): MemoryDatabase {
  const copy = new MemoryDatabase();
  for (const table of ["meta", "counters", "overlays", "outbox"] as const)
    for (const [key, row] of database[table]) (copy[table] as Map<unknown, unknown>).set(key, row);
  for (const [generation, records] of database.generations) copy.generations.set(generation, new Map(records));
  return copy;
}
