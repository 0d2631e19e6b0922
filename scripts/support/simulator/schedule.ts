/**
 * Virtual time: events in the order of (time, sequence), and nothing else moves the clock. Between two events everything that waits for
 * promises alone is given its turn.
 */
interface Scheduled {
  readonly at: number;
  readonly order: number;
  /** null: cancelled */
  run: (() => void) | null;
}

/** Events. */
const BREATHE_EVERY = 64;

/** An arbitrary moment, so that times look like times. */
export const START_MS = 1_767_225_600_000;

export class Schedule {
  now = START_MS;
  events = 0;
  readonly #heap: Scheduled[] = [];
  #order = 0;

  /** @returns cancels it */
  after(delayMs: number, run: () => void): () => void {
    const event: Scheduled = { at: this.now + Math.max(0, Math.round(delayMs)), order: (this.#order += 1), run };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Runs what falls due until then, or until `stop` holds, which is asked after every event. */
  async runUntil(end: number, stop?: () => boolean): Promise<void> {
    await breathe();
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.at > end) break;
      this.#pop();
      if (!next.run) continue;
      this.now = next.at;
      this.events += 1;
      next.run();
      await (this.events % BREATHE_EVERY === 0 ? breathe() : settle());
      if (stop?.()) return;
    }
    this.now = Math.max(this.now, end);
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Runs every promise that is due: a tick comes after all of them, and nothing in a simulated run waits for anything else. */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** A turn of the event loop besides: it tells of rejections that nobody looked at, and hears what comes from outside. It costs as much as an event. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
