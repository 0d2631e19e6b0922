/** Which epoch a device goes on in when the database is put back again while an answer is made. */
import { expect, test } from "vitest";
import { ordinalOf } from "./epoch.ts";
import { createFeed } from "./feed.ts";
import { createGate } from "./gate.ts";
import type { ReplicationStore } from "./store/store.ts";
import { createSyncTokens } from "./sync-tokens.ts";
import { createManualRuntime } from "../test/support/manual-runtime.ts";

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
