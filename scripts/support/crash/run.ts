/** Cycles: people work, something breaks, everything is put right, everybody gets even, and all invariants are looked at. */
import { setTimeout as delay } from "node:timers/promises";
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import { Coverage } from "../simulator/coverage.ts";
import { Random } from "../simulator/random.ts";
import type { CrashDevice } from "./device.ts";
import { DISK_FULL, FAULTS, weather } from "./faults.ts";
import { Person } from "./people.ts";
import { Site } from "./site.ts";
import { SmallDisk } from "./small-disk.ts";
import { verify } from "./verify.ts";

/** L1: everybody is even by then. */
const SETTLE_MS = 90_000;
/** Long enough for an answer to an answer. */
const SILENCE_MS = 300;
/** Every so many cycles a device is revoked in the middle of it. */
const REVOKED_EVERY = 5;
/** A violation often draws others after it. */
const VIOLATIONS_MAX = 20;
const POLICIES: readonly ConflictPolicy[] = ["MERGE", "MANUAL"];

export interface CrashOptions {
  readonly cycles: number;
  readonly devices: number;
  readonly seed: number;
  /** Which faults; default: all. */
  readonly faults?: readonly string[];
  readonly progress: (line: string) => void;
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
  readonly details: unknown;
  readonly cycle: number;
  readonly fault: string;
}

export interface CrashOutcome {
  cycles: number;
  readonly faults: Coverage;
  readonly violations: Violation[];
  /** Outcomes and kinds of conflicts that devices were told of. */
  coverage: Coverage;
  acknowledged: number;
  sales: number;
  cents: number;
  ms: number;
  /** Longest time to get even after a cycle. */
  longestSettleMs: number;
}

export class CrashRun {
  readonly outcome: CrashOutcome = {
    ...{ cycles: 0, faults: new Coverage(), violations: [], coverage: new Coverage() },
    ...{ acknowledged: 0, sales: 0, cents: 0, ms: 0, longestSettleMs: 0 },
  };
  site!: Site;
  readonly #random: Random;
  #fault = "";

  constructor(private readonly options: CrashOptions) {
    this.#random = new Random(options.seed, "crash test");
  }

  /** Ends early after a violation. The site stays open: `site.close()`. */
  async run(): Promise<CrashOutcome> {
    const startedAt = performance.now();
    const { outcome, options } = this;
    const kinds = this.#kinds();
    this.site = await Site.open(options.devices, kinds.includes(DISK_FULL), this.violated);
    await this.#settle();
    for (const fault of this.#deck(kinds)) {
      if (outcome.violations.length > 0) break;
      await this.#cycle(fault);
      outcome.ms = performance.now() - startedAt;
    }
    return outcome;
  }

  /** All invariants, now. */
  async check(): Promise<void> {
    const { outcome, site } = this;
    outcome.coverage = await verify(site, this.violated);
    const sales = site.shops.flatMap(({ model }) => [...model.sales.values()]);
    outcome.acknowledged = site.shops.reduce((sum, { testimony }) => sum + testimony.acknowledged.length, 0);
    outcome.sales = sales.length;
    outcome.cents = sales.reduce((sum, { amountCents }) => sum + amountCents, 0);
  }

  readonly violated = (invariant: string, what: string, details: unknown = null): void => {
    const { violations, cycles } = this.outcome;
    if (violations.length >= VIOLATIONS_MAX) return;
    violations.push({ invariant, what, details, cycle: cycles + 1, fault: this.#fault });
  };

  /** Those that can be arranged here. */
  #kinds(): readonly string[] {
    const kinds = this.options.faults ?? Object.keys(FAULTS);
    if (!kinds.includes(DISK_FULL) || SmallDisk.canBeArranged()) return kinds;
    this.options.progress(`${DISK_FULL}: left out, as only root on Linux may mount a disk to fill`);
    return kinds.filter((kind) => kind !== DISK_FULL);
  }

  /** Each kind as often as any other, in an order that the seed draws. */
  #deck(kinds: readonly string[]): string[] {
    const random = this.#random.stream("deck");
    const deck: string[] = [];
    if (kinds.length === 0) return deck;
    while (deck.length < this.options.cycles) {
      const left = [...kinds];
      while (left.length > 0) deck.push(...left.splice(random.int(0, left.length - 1), 1));
    }
    return deck.slice(0, this.options.cycles);
  }

  async #cycle(fault: string): Promise<void> {
    const { outcome, options, site } = this;
    const number = outcome.cycles + 1;
    const random = this.#random.stream(`cycle ${number}`);
    this.#fault = fault;
    const [beforeMs, forMs] = [random.int(300, 1_500), random.longTailed(900, 3_000)];
    await this.#setPolicies(random);
    const guest = number % REVOKED_EVERY === 0 ? await site.addDevice(0) : null;
    const load = new AbortController();
    const work = Promise.all([
      ...this.#active().map((device) =>
        new Person(device, site.shops[device.plan.shop]!.model, random.stream(device.name)).work(load.signal),
      ),
      weather(site, random.stream("weather"), load.signal),
    ]);
    await Promise.race([delay(beforeMs), work]);
    const wasStruck = (await Promise.race([FAULTS[fault]!(site, random), work])) !== false;
    outcome.faults.add(wasStruck ? fault : `${fault} (not reached)`);
    const revoked = guest && this.#revoke(guest);
    await Promise.race([delay(forMs), work]);
    // Some get up again while people are still at it.
    if (random.chance(0.5)) await site.heal();
    load.abort();
    await work;
    const healedAt = performance.now();
    await site.heal();
    const upMs = performance.now() - healedAt;
    await revoked;
    const settledMs = await this.#settle();
    await this.#checkSilence();
    await this.check();
    outcome.cycles = number;
    outcome.longestSettleMs = Math.max(outcome.longestSettleMs, settledMs);
    const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
    const text = `${fault}, healed after ${seconds(forMs)}, up in ${seconds(upMs)}, even in ${seconds(settledMs)}`;
    options.progress(`${number} of ${options.cycles}: ${text}; ${outcome.acknowledged} writes acknowledged`);
  }

  #active(): CrashDevice[] {
    return this.site.devices.filter(({ revokedAtHead }) => revokedAtHead === null);
  }

  async #setPolicies(random: Random): Promise<void> {
    for (const { storeId } of this.site.shops)
      await this.site.admin("PUT", "/policies", { storeId, policies: { orders: random.pick(POLICIES) } });
  }

  /** S11: in the middle of its sales, and it goes on selling. */
  async #revoke(guest: CrashDevice): Promise<void> {
    const { site } = this;
    const { storeId } = site.shops[guest.plan.shop]!;
    const heads = (): Promise<number> =>
      site.query(async (sql) => {
        const [row] = await sql<{ head: string }[]>`select head from stores where id = ${storeId}`;
        return Number(row!.head);
      });
    await persist(() => site.admin("DELETE", `/devices/${guest.identity.deviceId}?storeId=${storeId}`));
    guest.revokedAtHead = await persist(heads);
  }

  /** L1. @returns after how many ms */
  async #settle(): Promise<number> {
    const startedAt = performance.now();
    while (performance.now() - startedAt < SETTLE_MS) {
      // It waits long for a link that is dead; people try again.
      const asked = this.#active().map(({ replica }) => replica.syncNow().catch(() => undefined));
      await Promise.race([Promise.all(asked), delay(1_000)]);
      if (await this.#isEven()) return performance.now() - startedAt;
      await delay(50);
    }
    const late = this.#active().map(({ name, sync, disk }) => ({
      ...{ name, cursor: sync?.cursor, digestsEqual: sync?.digestsEqual },
      outbox: [...disk.database.outbox.values()].slice(0, 3),
    }));
    this.violated("L1", `not everybody was even within ${SETTLE_MS} ms`, late);
    return performance.now() - startedAt;
  }

  /** L3: nobody types, nobody has anything to say. */
  async #checkSilence(): Promise<void> {
    const before = await this.#heads();
    await delay(SILENCE_MS);
    const after = await this.#heads();
    for (const [storeId, head] of before)
      if (after.get(storeId) !== head)
        this.violated("L3", `the head of ${storeId} went from ${head} to ${after.get(storeId)} while nobody typed`);
  }

  /** By store. */
  async #heads(): Promise<Map<string, number>> {
    const rows = await this.site.query((sql) => sql<{ id: string; head: string }[]>`select id, head from stores`);
    return new Map(rows.map(({ id, head }) => [id, Number(head)]));
  }

  async #isEven(): Promise<boolean> {
    const heads = await this.#heads();
    return this.#active().every((device) => device.isSettledAt(heads.get(device.identity.storeId) ?? 0));
  }
}

/** Until it works: what is asked may be down for a while. */
async function persist<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}
