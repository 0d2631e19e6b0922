/**
 * A bound in front of the database. The pool queues without limit or time-out (INVARIANTS.md, trap 4), and a thousand sessions that
 * catch up must not take the connections that commits need.
 */
import { ReplicationError } from "@tillwire/protocol/errors";

export interface Gate {
  /**
   * @param whose work it is, a shop's mostly: they are let in by turns, however many wait of each, and none takes another's place to wait in
   * @throws ReplicationError UNAVAILABLE when too many wait already
   */
  run<T>(work: () => Promise<T>, whose: string): Promise<T>;
}

/** Work of nobody's in particular. */
export const NOBODYS = "";

interface Waiting {
  readonly admit: () => void;
  readonly refuse: (error: ReplicationError) => void;
}

export function createGate(limits: { readonly running: number; readonly waiting: number }): Gate {
  /** Those who wait, by whose they are; in the order of their turns. */
  const queues = new Map<string, Waiting[]>();
  let waiting = 0;
  let running = 0;

  function enqueue(whose: string, entry: Waiting): void {
    if (waiting >= limits.waiting && !giveWay(whose)) return entry.refuse(tooBusy());
    waiting += 1;
    const queue = queues.get(whose);
    if (queue) queue.push(entry);
    else queues.set(whose, [entry]);
  }

  /** The latest of those of whom most wait is refused in favour of one of whom fewer would wait even so. */
  function giveWay(whose: string): boolean {
    const longest = [...queues.values()].reduce((a, b) => (b.length > a.length ? b : a), []);
    if ((queues.get(whose)?.length ?? 0) + 1 >= longest.length) return false;
    longest.pop()!.refuse(tooBusy());
    waiting -= 1;
    return true;
  }

  function dequeue(): Waiting | null {
    const first = queues.entries().next().value;
    if (!first) return null;
    const [whose, queue] = first;
    queues.delete(whose);
    const entry = queue.shift()!;
    // Behind the others, if more of it wait.
    if (queue.length > 0) queues.set(whose, queue);
    waiting -= 1;
    return entry;
  }

  return {
    async run(work, whose) {
      if (running >= limits.running) await new Promise<void>((admit, refuse) => enqueue(whose, { admit, refuse }));
      else running += 1;
      try {
        return await work();
      } finally {
        // The place goes straight to the next in line.
        const next = dequeue();
        if (next) next.admit();
        else running -= 1;
      }
    },
  };
}

function tooBusy(): ReplicationError {
  return new ReplicationError("UNAVAILABLE", "the server is too busy", 1_000);
}
