/** Random devices that edit, delete, retry and work on stale values, on a real PostgreSQL: what must hold whatever they do. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Base, Result, Write } from "@tillwire/protocol/messages";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { conflictsOf, expectOneOpenConflictEach, setPolicy, settling } from "./support/conflict-fixture.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { checkStore, NEW, openShop, order, put, remove, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

interface Step {
  readonly device: "a" | "b" | "c";
  readonly record: number;
  readonly act: "put" | "delete" | "retry" | "read" | "settle" | "keep both" | "policy";
  /** What is written; of several conflicts, which one. */
  readonly note: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  device: fc.constantFrom("a", "b", "c"),
  record: fc.integer({ min: 0, max: 3 }),
  act: fc.constantFrom(
    "put",
    "put",
    "put",
    "put",
    "delete",
    "retry",
    "retry",
    "read",
    "settle",
    "settle",
    "keep both",
    "policy",
  ),
  note: fc.integer({ min: 0, max: 5 }),
});

interface Sent {
  readonly device: string;
  readonly write: Write;
  readonly first: Result;
}

/** Plays the steps; each device acts on the value that it last saw of a record. */
class Players {
  readonly sent: Sent[] = [];
  private readonly seen = new Map<string, { base: Base; deleted: boolean }>();

  constructor(private readonly shop: Shop) {}

  async play({ device, record, act, note }: Step): Promise<void> {
    const localId = `o${record}`;
    const key = `${device}/${localId}`;
    const { base } = this.seen.get(key) ?? { base: NEW };
    if (act === "retry") return this.retry(device);
    if (act === "read") return this.read(key, localId);
    if (act === "policy") return setPolicy(database.sql, this.shop, note % 3 ? "MANUAL" : "SERVER_WINS");
    const answered = act === "settle" || act === "keep both" ? await this.conflictOf(localId, note) : undefined;
    if (act === "keep both") return answered && this.keepBoth(device, answered);
    const version = base.version + 1;
    // Two records of four claim one number.
    const data = order(localId, { notes: `${note}`, orderNumber: `N-${record >> 1}` });
    const write =
      act === "delete" ? remove("orders", localId, version, base) : put("orders", localId, data, version, base);
    this.learn(key, await this.send(device, answered ? settling(answered.id, write) : write));
  }

  private async send(device: string, write: Write): Promise<Result> {
    const [first] = await this.shop.push(device, write);
    this.sent.push({ device, write, first: first! });
    return first!;
  }

  /** A conflict of the record, open or settled: who answers may not know what has become of it. */
  private async conflictOf(localId: string, note: number): Promise<ConflictData | undefined> {
    const all = (await conflictsOf(database.sql, this.shop)).filter(({ recordId }) => recordId === localId);
    return all[note % Math.max(1, all.length)];
  }

  private async keepBoth(device: string, { id, client }: ConflictData): Promise<void> {
    if (client.deleted) return;
    const apart = `${id.slice(0, 20)}.${device}`;
    await this.send(device, settling(id, put("orders", apart, { ...(client.data as object), id: apart })));
  }

  private async retry(device: string): Promise<void> {
    const mine = this.sent.filter((each) => each.device === device);
    const chosen = mine[(mine.length * 7) % Math.max(1, mine.length - 1)] ?? mine.at(-1);
    if (!chosen) return;
    const [again] = await this.shop.push(device, chosen.write);
    const expected = {
      accepted: "duplicate",
      merged: "duplicate",
      duplicate: "duplicate",
      conflict: "conflict",
      rejected: "rejected",
    };
    expect(again!.outcome, "S2: a retry changes nothing and is told the same").toBe(expected[chosen.first.outcome]);
    expect(again!.conflict?.id).toBe(chosen.first.outcome === "conflict" ? chosen.first.conflict!.id : undefined);
  }

  private async read(key: string, localId: string): Promise<void> {
    const page = await this.shop.store.readFeed({
      storeId: this.shop.storeId,
      from: 0,
      collections: ["orders"],
      maxChanges: 100,
      maxBytes: 1e6,
    });
    const change = page.changes.map(({ json }) => JSON.parse(json) as Result).find((each) => each.localId === localId);
    if (change) this.learn(key, change);
  }

  private learn(key: string, value: Result): void {
    if (value.syncVersion !== undefined && value.outcome !== "rejected") {
      this.seen.set(key, { base: { version: value.syncVersion, hash: value.hash! }, deleted: value.deleted! });
    }
  }
}

async function checkOutcomes(shop: Shop, sent: readonly Sent[]): Promise<void> {
  const { storeId } = shop;
  const versions = await database.sql<
    {
      local_id: string;
      seq: string;
      sync_version: number;
      server_hash: string;
      sent_hash: string | null;
      base_version: number;
      base_hash: string | null;
      device_id: string;
    }[]
  >`
    select * from (select * from records union all select * from record_history) v
    where store_id = ${storeId} and collection = 'orders' order by local_id, seq`;
  const previous = new Map<string, (typeof versions)[number]>();
  for (const version of versions) {
    const before = previous.get(version.local_id);
    const replaced = before
      ? [`${before.sync_version}:${before.server_hash}`, `${before.sync_version}:${before.sent_hash}`]
      : ["0:null"];
    if (before) {
      expect(replaced, "S6: an accepted write was made on the value that it replaced").toContain(
        `${version.base_version}:${version.base_hash}`,
      );
      expect(version.sync_version, "versions always rise").toBeGreaterThan(before.sync_version);
    }
    previous.set(version.local_id, version);
  }
  const kept = await database.sql<{ id: string; hash: string }[]>`
    with v as (select * from records union all select * from record_history)
    select local_id as id, data -> 'client' ->> 'hash' as hash from v where store_id = ${storeId} and collection = 'conflicts'
    union select local_id, attempt ->> 'hash' from v cross join lateral jsonb_array_elements(data -> 'attempts') attempt
    where store_id = ${storeId} and collection = 'conflicts'`;
  await expectOneOpenConflictEach(database.sql, shop);
  const hashes = new Set(versions.flatMap((version) => [version.server_hash, version.sent_hash]));
  for (const { write, first } of sent) {
    if (first.outcome === "conflict")
      expect(kept, "S8: the loser is kept").toContainEqual({ id: first.conflict!.id, hash: write.hash });
    else if (first.outcome !== "rejected")
      expect(hashes.has(write.hash), "S8: what was taken is there, or in the history").toBe(true);
  }
}

test("S2, S3, S6, S8: whatever devices do, in turn", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const shop = await openShop(database.sql);
      const players = new Players(shop);
      for (const each of steps) await players.play(each);
      await checkOutcomes(shop, players.sent);
      await checkStore(database.sql, shop.storeId);
    }),
    { numRuns: 25 },
  );
});

test("S2, S3, S6, S8: whatever devices do, at once and from two nodes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 4 }),
      async (scripts) => {
        const shop = await openShop(database.sql);
        const nodes = [shop, await openShop(database.sql, { storeId: shop.storeId })];
        const players = scripts.map((_, i) => new Players(nodes[i % 2]!));
        // One device a script: a device does one thing after the other.
        await Promise.all(
          scripts.map(async (script, i) => {
            for (const each of script) await players[i]!.play({ ...each, device: (["a", "b", "c", "a"] as const)[i]! });
          }),
        );
        await checkOutcomes(
          shop,
          players.flatMap(({ sent }) => sent),
        );
        await checkStore(database.sql, shop.storeId);
      },
    ),
    { numRuns: 25 },
  );
});
