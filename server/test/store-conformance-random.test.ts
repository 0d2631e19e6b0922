/** The twin in memory and PostgreSQL, driven by the same random commands: every answer is the same. */
import { hashOf } from "@tillwire/protocol/hash";
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MemoryDatabase } from "../src/store/memory-database.ts";
import { StoreDataError, StoreUnavailable, type FeedPage, type PlannedRow, type Position } from "../src/store/store.ts";
import { NONE, plan, question, row } from "./support/plans.ts";
import { memoryBackend, postgresBackend, type StoreBackend } from "./support/store-backends.ts";

let memory: StoreBackend & { readonly database: MemoryDatabase };
let postgresql: StoreBackend;
beforeAll(async () => {
  memory = await memoryBackend();
  postgresql = await postgresBackend();
});
afterAll(() => postgresql.close());

const COLLECTIONS = ["notes", "entries", "conflicts"];
const localId = fc.constantFrom("r1", "r2", "r3");
const collection = fc.constantFrom(...COLLECTIONS);
const number = fc.option(fc.constantFrom("K-1", "K-1-2", "K-1-3", "K-2"), { nil: null });
const device = fc.constantFrom("a", "b", "c", "nobody", "server");

const plannedRow = fc.record({
  ...{ collection, localId, number, n: fc.nat(3) },
  /** Made on the current value, on an earlier one, or on one that never was. */
  on: fc.constantFrom("current", "current", "current", "earlier", "unknown"),
  step: fc.constantFrom(1, 1, 1, 2),
  deleted: fc.boolean(),
  reoffered: fc.boolean(),
  amended: fc.boolean(),
});
const plannedWrite = fc.record({
  ...{ sender: device, rows: fc.array(plannedRow, { maxLength: 2 }) },
  remember: fc.option(fc.constantFrom("duplicate" as const, "merged" as const, "conflict" as const), { nil: null }),
  policyVersion: fc.option(fc.nat(3), { nil: null }),
  base: fc.constantFrom("?", "1:x"),
});
const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant("commit" as const), writes: fc.array(plannedWrite, { maxLength: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{
        type: fc.constant("contexts" as const),
        collection,
        localId,
        device,
        number,
        n: fc.nat(3),
        version: fc.nat(5),
      },
      ...{ base: fc.constantFrom("?", "1:x"), named: fc.boolean(), key: localId },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ type: fc.constant("feed" as const), from: fc.nat(12), maxChanges: fc.integer({ min: 1, max: 4 }) },
      collections: fc.option(fc.subarray(COLLECTIONS, { minLength: 1 }), { nil: null }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("place" as const), seq: fc.nat(14) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("epoch" as const), expected: fc.nat(2), reoffer: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("revoke" as const), device }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ type: fc.constant("policy" as const), collection },
      policy: fc.option(fc.constantFrom<ConflictPolicy>("MERGE", "MANUAL"), { nil: null }),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;
type Planned = Extract<Command, { type: "commit" }>["writes"][number];

let shops = 0;
let epochs = 0;
let stamps = 0;

/** Plays one command on both; what it is made of is looked up in the twin, which is to be as PostgreSQL is. */
class Pair {
  readonly #shop = `random-${(shops += 1)}`;
  #epoch = "epoch-1";
  #epochs = ["epoch-0", "epoch-1"];

  async open(): Promise<void> {
    for (const backend of [memory, postgresql]) {
      await backend.openShop(this.#shop);
      for (const name of ["a", "b", "c"]) await backend.enrol(this.#shop, name);
    }
  }

  async play(each: Command): Promise<void> {
    const ask = this.#questionOf(each);
    const [twin, real] = await Promise.all([memory, postgresql].map((backend) => answerOf(() => ask(backend))));
    expect(twin).toEqual(real);
  }

  #questionOf(each: Command): (backend: StoreBackend) => Promise<unknown> {
    const shop = this.#shop;
    const epoch = this.#epoch;
    switch (each.type) {
      case "commit": {
        const writes = each.writes.map((write) => this.#planOf(write));
        const stamp = each.writes.length % 4 === 0 ? undefined : `stamp-${(stamps += 1)}`;
        return ({ store }) => store.commit(shop, epoch, writes, stamp);
      }
      case "contexts": {
        const at = this.#position(each.collection, each.localId, "earlier");
        const hash = hashOf({ n: each.n });
        const sent = {
          ...{ collection: each.collection, deviceId: each.device, syncVersion: each.version, hash, base: each.base },
        };
        const more = {
          ...{ base: at, namedHash: each.named ? at.hash : null, number: each.number, resolves: each.localId },
          openConflictKey: each.number ?? "none",
        };
        return ({ store }) => store.readContexts(shop, [question(each.localId, more, sent), question(each.key)]);
      }
      case "place":
        return ({ store }) => store.readPlace(shop, each.seq);
      case "feed":
        return ({ store }) => store.readFeed({ ...each, storeId: shop, maxBytes: 1e6 });
      case "epoch": {
        const expected = this.#epochs.at(-1 - (each.expected % 2))!;
        const next = `next-${(epochs += 1)}`;
        if (expected === this.#epoch) this.#epochs.push((this.#epoch = next));
        return async ({ store }) => [
          await store.beginEpoch(shop, expected, next, each.reoffer),
          await store.wantsReoffers(shop, next),
          await store.readHead(shop),
        ];
      }
      case "revoke":
        return (backend) => backend.revoke(shop, each.device);
      case "policy":
        return (backend) => backend.setPolicy(shop, each.collection, each.policy);
    }
  }

  #position(name: string, id: string, which: string): Position {
    const rows = memory.database.shops.get(this.#shop)!;
    const current = rows.record(name, id);
    const chosen = which === "earlier" ? (rows.historyOf(name, id)[0] ?? current) : current;
    return chosen ? { version: chosen.syncVersion, hash: chosen.hash } : NONE;
  }

  #planOf({ sender, rows, remember, policyVersion, base }: Planned) {
    const stored = rows.map((each): PlannedRow => {
      const { collection: name, localId: id, on, n } = each;
      const expect = on === "unknown" ? { version: 7, hash: hashOf({ n }) } : this.#position(name, id, on);
      const data = each.deleted ? null : { n, name };
      return row(id, data, expect, {
        ...{ collection: name, syncVersion: expect.version + each.step, uniqueKey: each.deleted ? null : each.number },
        ...(each.amended && { sentVersion: expect.version + 1, sentHash: hashOf({ sent: n }) }),
        ...(each.reoffered && { reoffered: true, updatedAt: 1_000 + n }),
        deviceId: sender,
      });
    });
    const written = plan(stored, { sender, policyVersion });
    const conflict = { id: "c", kind: "HASH_MISMATCH" as const, policy: "MERGE" as const, fields: [] };
    return {
      ...written,
      asSent: { ...written.asSent, base },
      remember: remember && {
        outcome: remember,
        conflict: remember === "conflict" ? conflict : null,
        dataJson: stored[0]?.dataJson ?? null,
      },
    };
  }
}

/** What a call gives, as far as it is the same wherever it is asked: without the clock's own time, and data as data. */
async function answerOf(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return scrub(await ask());
  } catch (error) {
    if (error instanceof StoreDataError) return `refused: ${error.sqlState}`;
    // PostgreSQL calls it a violation of cardinality, the twin names its code.
    if (error instanceof StoreUnavailable) return "failed";
    throw error;
  }
}

const CLOCK_MS = 1_000_000_000_000;

function scrub(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].sort().map(([key, each]) => [key, scrub(each)]));
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value === "number") return value > CLOCK_MS ? "now" : value;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    key === "json" ? scrub(JSON.parse(each as string)) : scrub(each),
  ]);
  return Object.fromEntries(entries) as Partial<FeedPage>;
}

test("S2, S3, S12: the same random commands get the same answers", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 40 }), async (commands) => {
      const pair = new Pair();
      await pair.open();
      for (const each of commands) await pair.play(each);
      // At the end everything, whatever was asked on the way.
      await pair.play({ type: "feed", from: 0, maxChanges: 4, collections: null });
      for (const name of COLLECTIONS)
        for (const id of ["r1", "r2", "r3"] as const)
          await pair.play({
            ...{ type: "contexts", collection: name, localId: id, device: "a", number: "K-1", n: 1, version: 0 },
            ...{ base: "?", named: true, key: id },
          });
    }),
    { numRuns: Number(process.env["RUNS"] ?? 40) },
  );
}, 120_000);
