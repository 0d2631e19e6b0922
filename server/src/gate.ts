/**
 * A bound in front of the database. The pool queues without limit or time-out (INVARIANTS.md, trap 4), and a thousand sessions that
 * catch up must not take the connections that commits need.
 */
import { ReplicationError } from "@tillwire/protocol/errors";

export interface Gate {
  /**
   * @param storeId whose work it is: shops that wait are let in by turns, however many wait of each
   * @throws ReplicationError UNAVAILABLE when too many wait already
   */
  run<T>(work: () => Promise<T>, storeId?: string): Promise<T>;
}

export function createGate(limits: { readonly running: number; readonly waiting: number }): Gate {
  /** Those who wait, by shop; shops in the order of their turns. */
  const queues = new Map<string, (() => void)[]>();
  let waiting = 0;
  let running = 0;

  function enqueue(storeId: string, admit: () => void): void {
    waiting += 1;
    const queue = queues.get(storeId);
    if (queue) queue.push(admit);
    else queues.set(storeId, [admit]);
  }

  function dequeue(): (() => void) | null {
    const first = queues.entries().next().value;
    if (!first) return null;
    const [storeId, queue] = first;
    queues.delete(storeId);
    const admit = queue.shift()!;
    // Behind the other shops, if more of it wait.
    if (queue.length > 0) queues.set(storeId, queue);
    waiting -= 1;
    return admit;
  }

  return {
    async run(work, storeId = "") {
      if (running >= limits.running) {
        if (waiting >= limits.waiting) throw new ReplicationError("UNAVAILABLE", "the server is too busy", 1_000);
        await new Promise<void>((admitted) => enqueue(storeId, admitted));
      } else {
        running += 1;
      }
      try {
        return await work();
      } finally {
        // The place goes straight to the next in line.
        const next = dequeue();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
