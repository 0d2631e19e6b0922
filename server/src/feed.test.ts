/** Which epoch a device goes on in when the database is put back again while an answer is made; and who shares a page. */
import { expect, test } from "vitest";
import { ordinalOf } from "./epoch.ts";
import { createFeed } from "./feed.ts";
import { choose } from "./frames.ts";
import { createGate } from "./gate.ts";
import type { FeedPage, ReplicationStore } from "./store/store.ts";
import { createSyncTokens } from "./sync-tokens.ts";
import { createManualRuntime, settle } from "../test/support/manual-runtime.ts";

test("S2: who comes from a later epoch is never sent on in one that the database was put back to meanwhile", async () => {
  let inForce = "epoch-1";
  const store = {
    beginEpoch: async (_storeId, expected, next) => (expected === inForce ? (inForce = next) : inForce),
  } as Partial<ReplicationStore> as ReplicationStore;
  const feed = createFeed({
    store,
    gate: createGate({ running: 1, waiting: 1 }),
    tokens: createSyncTokens(createManualRuntime()),
    newEpoch: () => "new",
    onNewEpoch: () => undefined,
  });
  // "v3-x" was in force when it was looked up, and is gone with what was put back
  expect(ordinalOf(await feed.epochFor("shop", "v4-seen", "v3-x"))).toBe(5);
  expect(await feed.epochFor("shop", "v4-seen", inForce)).toBe(inForce);
});

test("a page that waits to be read is read once for all who want it, and again for who asks when its reading has begun", async () => {
  const reads: ((page: FeedPage) => void)[] = [];
  const store = {
    readFeed: () => new Promise<FeedPage>((resolve) => reads.push(resolve)),
  } as Partial<ReplicationStore> as ReplicationStore;
  const feed = createFeed({
    store,
    gate: createGate({ running: 1, waiting: 2 }),
    tokens: createSyncTokens(createManualRuntime()),
    newEpoch: () => "new",
    onNewEpoch: () => undefined,
  });
  const all = choose(null);
  const page = (head: number): FeedPage => ({
    ...{ epoch: "e", from: 0, fromStamp: null, to: head, stamp: null, head, changes: [], digests: new Map() },
  });
  const first = feed.readPage("shop", 0, all);
  const second = feed.readPage("shop", 0, all);
  const third = feed.readPage("shop", 0, all);
  const elsewhere = feed.readPage("shop", 1, all);
  expect(reads).toHaveLength(1);
  reads[0]!(page(1));
  expect((await first).head).toBe(1);
  await settle();
  reads[1]!(page(2));
  expect((await second).head).toBe(2);
  expect(await third).toBe(await second);
  await settle();
  const fourth = feed.readPage("shop", 1, all);
  reads[2]!(page(3));
  await elsewhere;
  await settle();
  reads[3]!(page(4));
  expect((await fourth).head).toBe(4);
  expect(feed.encode("shop", await third, choose(["orders"]))).not.toBe(feed.encode("shop", await second, all));
});

test("a page that nobody could read for want of a place to wait in is asked for anew", async () => {
  let reads = 0;
  const store = {
    readFeed: () => {
      reads += 1;
      return reads === 1 ? new Promise<FeedPage>(() => undefined) : Promise.resolve({} as FeedPage);
    },
  } as Partial<ReplicationStore> as ReplicationStore;
  const gates = [createGate({ running: 1, waiting: 0 }), createGate({ running: 1, waiting: 1 })];
  const feed = createFeed({
    store,
    gate: { run: (work, whose) => gates[0]!.run(work, whose) },
    tokens: createSyncTokens(createManualRuntime()),
    newEpoch: () => "new",
    onNewEpoch: () => undefined,
  });
  void feed.readPage("shop", 0, choose(null));
  await expect(feed.readPage("shop", 0, choose(null))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  gates.shift();
  await expect(feed.readPage("shop", 0, choose(null))).resolves.toBeDefined();
});
