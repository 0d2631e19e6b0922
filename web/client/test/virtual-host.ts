/** An environment with virtual time: nothing sleeps, and a test decides when and whether a message arrives. */
import type { Identity } from "../src/api.ts";
import type { Channel, Environment, Locks } from "../src/environment.ts";
import { memoryStores } from "../src/memory-store.ts";

/** A full turn of the event loop runs every microtask that is due; fake-indexeddb needs several. */
async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

export class VirtualTime {
  now = 1_767_225_600_000;
  #count = 0;
  readonly #timers = new Map<number, { at: number; run: () => void }>();

  constructor(private readonly turnsPerStep = 1) {}

  setTimer = (run: () => void, delayMs: number): (() => void) => {
    const id = ++this.#count;
    this.#timers.set(id, { at: this.now + Math.max(0, delayMs), run });
    return () => this.#timers.delete(id);
  };

  async settle(): Promise<void> {
    for (let i = 0; i < this.turnsPerStep; i++) await turn();
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.settle();
    for (;;) {
      const next = [...this.#timers].sort(([i, a], [j, b]) => a.at - b.at || i - j)[0];
      if (!next || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].at);
      next[1].run();
      await this.settle();
    }
    this.now = end;
    await this.settle();
  }

  /** The device slept: the clock moves on, no timer ran. */
  sleep(ms: number): void {
    this.now += ms;
  }

  /** Advances in small steps until it holds. */
  async until(holds: () => boolean, withinMs = 120_000): Promise<void> {
    const end = this.now + withinMs;
    await this.settle();
    while (!holds()) {
      if (this.now >= end) throw new Error(`did not come about within ${withinMs} ms of virtual time`);
      await this.advance(20);
    }
  }
}

/** Deterministic, in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The BroadcastChannels of one browser. */
export class VirtualChannels {
  readonly #channels = new Map<string, Set<{ hear: (message: unknown) => void }>>();

  open = (name: string): Channel => {
    const members = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, members);
    const self = { hear: (_message: unknown) => {} };
    members.add(self);
    return {
      post(message) {
        for (const member of members) if (member !== self) void Promise.resolve().then(() => member.hear(message));
      },
      listen(run) {
        self.hear = run;
      },
      close: () => void members.delete(self),
    };
  };
}

/** Web Locks of one browser. */
export class VirtualLocks {
  readonly #queues = new Map<string, Promise<void>>();

  request: Locks["request"] = (name, held) => {
    let cancelled = false;
    const before = this.#queues.get(name) ?? Promise.resolve();
    this.#queues.set(
      name,
      before.then(() => (cancelled ? undefined : held())),
    );
    return () => {
      cancelled = true;
    };
  };
}

export function virtualHost(
  time: VirtualTime,
  parts: Partial<Environment> & Pick<Environment, "openLink" | "fetch" | "newId">,
): Environment {
  let identity: Identity | null = null;
  const random = seededRandom(7);
  return {
    now: () => time.now,
    random,
    setTimer: time.setTimer,
    openStore: memoryStores(),
    openChannel: () => null,
    locks: null,
    onNudge: () => () => {},
    storage: async () => null,
    identities: {
      load: async () => identity,
      save: async (next) => void (identity = next),
      forget: async () => void (identity = null),
    },
    ...parts,
  };
}
