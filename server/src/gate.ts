/**
 * A bound in front of the database. The pool queues without limit or time-out (INVARIANTS.md, trap 4), and a thousand sessions that
 * catch up must not take the connections that commits need.
 */
import { ReplicationError } from "@tillwire/protocol/errors";

export interface Gate {
  /** @throws ReplicationError UNAVAILABLE when too many wait already */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createGate(limits: { readonly running: number; readonly waiting: number }): Gate {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
      if (running >= limits.running) {
        if (queue.length >= limits.waiting) throw new ReplicationError("UNAVAILABLE", "the server is too busy", 1_000);
        await new Promise<void>((admitted) => queue.push(admitted));
      } else {
        running += 1;
      }
      try {
        return await work();
      } finally {
        // The place goes straight to the next in line.
        const next = queue.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
