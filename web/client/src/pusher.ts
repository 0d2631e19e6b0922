/** One push in flight, over whichever link there is; oldest first, retries as sent. */
import type { Result, Write } from "@tillwire/protocol/messages";
import { LIMITS, type WireLimits } from "@tillwire/protocol/limits";
import { takeBatch, writeOf, type BatchLimits, type OutboxRow } from "./outbox.ts";
import type { SentWrite } from "./settlement.ts";
import type { Transact } from "./fenced.ts";
import { beginFreshBase, mayOfferAgain } from "./fresh-base.ts";
import { settleAnswer, takeOut } from "./settle.ts";

/** Smaller than the server takes: a lost batch is sent again whole. */
const BATCH_WRITES = 200;
const BATCH_BYTES = 512 * 1024;
/** What may leave as it is saved: a sale, not an import. */
export const EXPRESS_WRITES = 20;
/** How many unanswered pushes of this link are remembered: their results are still true when they come late. */
const REMEMBERED = 8;

export interface Push {
  readonly id: string;
  readonly writes: readonly Write[];
  readonly sentAt: number;
}

export interface PusherHost {
  readonly transact: Transact;
  now(): number;
  deviceId(): string;
  readonly subscribed: ReadonlySet<string> | null;
}

export class Pusher {
  #count = 0;
  #taking = false;
  #shrink = 1;
  #inFlight: Push | null = null;
  readonly #awaited = new Map<string, { readonly sent: readonly SentWrite[]; readonly epoch: string | null }>();
  limits: WireLimits | null = null;

  constructor(private readonly host: PusherHost) {}

  get inFlight(): Push | null {
    return this.#inFlight;
  }
  get isBusy(): boolean {
    return this.#taking || this.#inFlight !== null;
  }

  /** Freezes the next batch; null when nothing waits or a push is in flight. */
  async take(): Promise<Push | null> {
    if (this.isBusy) return null;
    this.#taking = true;
    try {
      const limits = this.#batchLimits();
      const { rows, epoch } = await this.host.transact(async (tx, sync) => ({
        rows: mayOfferAgain(sync) ? [] : await takeOut(tx, limits, this.host.deviceId()),
        epoch: sync.epoch,
      }));
      return rows.length === 0 ? null : this.#begin(rows, epoch);
    } finally {
      this.#taking = false;
    }
  }

  /** A push of rows that were frozen as they were saved; null when it must wait its turn with the others. */
  adopt(rows: readonly OutboxRow[], epoch: string): Push | null {
    const isOneBatch = takeBatch(rows, this.#batchLimits()).length === rows.length;
    return this.isBusy || !isOneBatch ? null : this.#begin(rows, epoch);
  }

  #batchLimits(): BatchLimits {
    const { pushWrites, pushBytes } = this.limits ?? LIMITS;
    const writes = Math.floor(Math.min(BATCH_WRITES, pushWrites) / this.#shrink);
    return { writes: Math.max(1, writes), bytes: Math.min(BATCH_BYTES, pushBytes) / this.#shrink };
  }

  #begin(rows: readonly OutboxRow[], epoch: string | null): Push {
    const id = `p-${++this.#count}`;
    const sent = rows.map(({ key, collection, localId, syncVersion, hash }) => ({
      key,
      collection,
      localId,
      syncVersion,
      hash,
    }));
    this.#awaited.set(id, { sent, epoch });
    for (const old of [...this.#awaited.keys()].slice(0, -REMEMBERED)) this.#awaited.delete(old);
    const push: Push = { id, writes: rows.map((row) => writeOf(row, this.host.deviceId())), sentAt: this.host.now() };
    this.#inFlight = push;
    return push;
  }

  /** @returns whether a result proved that the server was restored; the feed is to be read from the beginning then */
  async settle(id: string, results: readonly Result[]): Promise<{ settled: number; restored: boolean }> {
    const awaited = this.#awaited.get(id);
    if (!awaited) return { settled: 0, restored: false };
    const { host } = this;
    const outcome = await host.transact(async (tx, sync) => {
      // Results of a feed that is no longer this one's settle nothing; the writes are sent again as they were.
      if (awaited.epoch !== null && sync.epoch !== null && awaited.epoch !== sync.epoch)
        return { settled: 0, restored: false };
      const epoch = awaited.epoch ?? sync.epoch;
      const settled = await settleAnswer(tx, sync, {
        ...awaited,
        results,
        epoch,
        deviceId: host.deviceId(),
        now: host.now(),
        subscribed: host.subscribed,
      });
      if (settled.restored) beginFreshBase(tx, sync, null, "always");
      return settled;
    });
    this.#awaited.delete(id);
    this.#shrink = 1;
    if (this.#inFlight?.id === id) this.#inFlight = null;
    return outcome;
  }

  /** This push's answer is waited for no more; one that comes all the same is still taken. */
  giveUp(push: Push | null): void {
    if (this.#inFlight === push) this.#inFlight = null;
  }
  /** The link ended: answers to what was sent over it can't come. */
  forget(): void {
    this.#inFlight = null;
    this.#awaited.clear();
  }
  /** The server finds pushes too large. */
  shrink(): void {
    this.#shrink = Math.min(this.#shrink * 2, BATCH_WRITES);
  }
}
