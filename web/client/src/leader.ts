/**
 * One leading tab per local database: a lease with a fencing number, which every tx of the sync loop checks, so that a tab that was
 * frozen and wakes up after its lease was taken can write nothing. Web Locks, where they exist, decide at once instead of after the
 * lease's time; the fence holds all the same.
 */
import type { Environment } from "./environment.ts";
import type { LocalStore, ReadTx } from "./local-store.ts";

export const LEASE_MS = 10_000;
const RENEW_MS = 3_000;

/** Another tab leads now. */
export class LeadershipLost extends Error {}

/** @throws LeadershipLost when the lease has gone to another tab */
export async function checkFence(tx: ReadTx, fence: number): Promise<void> {
  const lease = await tx.meta("lease");
  if (lease?.fence !== fence) throw new LeadershipLost("another tab leads");
}

/**
 * Takes the lease if it is free, run out or this tab's own.
 * @param force take it whoever has it: the caller holds the lock
 * @returns the fence, or null
 */
export async function takeLease(
  store: LocalStore,
  holder: string,
  now: number,
  force: boolean,
): Promise<number | null> {
  return store.write("relaxed", async (tx) => {
    const lease = await tx.meta("lease");
    const own = lease?.holder === holder;
    // an expiry beyond a lease's length was written before the clock was set back
    const ranOut = !lease || lease.expiresAt <= now || lease.expiresAt > now + 2 * LEASE_MS;
    if (!own && !ranOut && !force) return null;
    const fence = own ? lease.fence : (lease?.fence ?? 0) + 1;
    tx.setMeta("lease", { holder, fence, expiresAt: now + LEASE_MS });
    return fence;
  });
}

async function releaseLease(store: LocalStore, holder: string): Promise<void> {
  await store.write("relaxed", async (tx) => {
    const lease = await tx.meta("lease");
    if (lease?.holder === holder) tx.setMeta("lease", { holder: "", fence: lease.fence, expiresAt: 0 });
  });
}

export interface ElectionEvents {
  leading(fence: number): void;
  lost(): void;
}

export class Election {
  #fence: number | null = null;
  #stopped = false;
  #cancelTimer = () => {};
  #cancelLock = () => {};
  #releaseLock = () => {};

  constructor(
    private readonly store: LocalStore,
    private readonly env: Pick<Environment, "now" | "setTimer" | "locks">,
    private readonly names: { readonly tab: string; readonly lock: string },
    private readonly events: ElectionEvents,
  ) {}

  get leads(): boolean {
    return this.#fence !== null;
  }

  start(): void {
    if (this.#stopped) return;
    if (!this.env.locks) return void this.#stand(false);
    this.#cancelLock = this.env.locks.request(this.names.lock, async () => {
      if (this.#stopped) return;
      const held = new Promise<void>((resolve) => {
        this.#releaseLock = resolve;
      });
      await this.#stand(true);
      await held;
    });
  }

  /** The former leader says that it left. */
  vacant(): void {
    if (!this.env.locks && !this.leads && !this.#stopped) void this.#stand(false);
  }

  /** A tx of the sync loop met another fence. */
  lost(): void {
    if (this.#fence === null) return;
    this.#fence = null;
    this.events.lost();
    this.#releaseLock();
    this.#again(() => this.start(), LEASE_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#cancelLock();
    const led = this.leads;
    this.#fence = null;
    if (led) await releaseLease(this.store, this.names.tab).catch(() => undefined);
    this.#releaseLock();
  }

  async #stand(force: boolean): Promise<void> {
    this.#cancelTimer();
    // A database that can't be written now is tried again: the next tick comes anyway.
    const fence = await takeLease(this.store, this.names.tab, this.env.now(), force).catch(() => undefined);
    if (this.#stopped) return;
    if (typeof fence === "number" && this.#fence === null) {
      this.#fence = fence;
      this.events.leading(fence);
    } else if (this.#fence !== null && fence !== undefined && fence !== this.#fence) return this.lost();
    this.#again(() => void this.#stand(force && !this.leads), RENEW_MS);
  }

  #again(run: () => void, delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.env.setTimer(run, delayMs);
  }
}
