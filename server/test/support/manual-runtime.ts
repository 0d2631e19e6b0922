/** A clock that moves when it is told to, with its timers. */
import type { Runtime } from "../../src/runtime.ts";

interface Timer {
  at: number;
  readonly run: () => void;
  readonly everyMs: number | null;
}

export interface ManualRuntime extends Runtime {
  /** Moves the clock, running what falls due, and lets promises settle in between. */
  pass(ms: number): Promise<void>;
}

export function createManualRuntime(startMs = 1_000_000): ManualRuntime {
  let now = startMs;
  const timers = new Set<Timer>();
  const add = (run: () => void, ms: number, everyMs: number | null): NodeJS.Timeout => {
    const timer = { at: now + ms, run, everyMs, unref: () => timer };
    timers.add(timer);
    return timer as unknown as NodeJS.Timeout;
  };
  const remove = (timer: unknown): void => void timers.delete(timer as Timer);
  return {
    now: () => now,
    setTimeout: (run, ms) => add(run, ms, null),
    clearTimeout: remove,
    setInterval: (run, ms) => add(run, ms, ms),
    clearInterval: remove,
    setImmediate: (run) => void add(run, 0, null),
    random: (bytes) => new Uint8Array(bytes).fill(7),
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        await settle();
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        now = due.at;
        if (due.everyMs === null) timers.delete(due);
        else due.at += due.everyMs;
        due.run();
      }
      now = end;
      await settle();
    },
  };
}

/** Lets everything that waits for nothing but promises go on. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
}
