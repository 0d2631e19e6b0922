/** What a push over HTTP is told that the database was put back under. */
import { pino } from "pino";
import { expect, test } from "vitest";
import type { ReplicationError } from "@tillwire/protocol/errors";
import type { Base } from "@tillwire/protocol/messages";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { createAccept, type SubmittedWrite } from "../accept.ts";
import { ordinalOf } from "../epoch.ts";
import { createFeed, ResetRequired } from "../feed.ts";
import { createGate } from "../gate.ts";
import { createMetrics } from "../metrics.ts";
import { submitPush } from "../push.ts";
import type { SessionServices } from "../session-services.ts";
import { MemoryDatabase, MemoryShop } from "../store/memory-database.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createSyncTokens } from "../sync-tokens.ts";
import { order, put } from "../../test/support/shop-fixture.ts";
import { explainReset } from "./http-sync.ts";

const device = { storeId: "shop", deviceId: "a", role: "register", name: "A" } as const;

function setUp() {
  const now = (): number => 1_767_225_600_000;
  const database = new MemoryDatabase(now);
  const shop = new MemoryShop("shop", "Shop", "v2-here");
  database.shops.set("shop", shop);
  const store = createMemoryStore(database);
  const begun: string[] = [];
  const runtime = { now, random: (bytes: number) => new Uint8Array(bytes) };
  const services = {
    accept: createAccept({ store, collections: SHOP_COLLECTIONS, now, onCommitted: () => undefined }),
    feed: createFeed({
      store,
      gate: createGate({ running: 1, waiting: 10 }),
      tokens: createSyncTokens(runtime),
      newEpoch: () => `new-${begun.length}`,
      onNewEpoch: (_storeId, epoch) => void begun.push(epoch),
    }),
    metrics: createMetrics(),
    log: pino({ level: "silent" }),
    runtime,
  } as unknown as SessionServices;
  const push = async (epoch: string, base?: Base): Promise<ReplicationError> => {
    const writes: SubmittedWrite[] = [{ write: put("orders", "o1", order("o1"), (base?.version ?? 0) + 1, base) }];
    return explainReset(services, device, () => submitPush(services, device, epoch, writes, "p")).then(
      () => expect.fail("it was taken"),
      (error: ReplicationError) => error,
    );
  };
  return { push, begun };
}

test("it was located in an epoch that is over: the one in force, and what that wants", async () => {
  const { push, begun } = setUp();
  const error = await push("v1-before");
  expect(error).toBeInstanceOf(ResetRequired);
  expect((error as ResetRequired).reset).toMatchObject({ epoch: "v2-here", reason: "EPOCH_CHANGED" });
  expect(begun).toEqual([]);
});

test.each([
  ["a new record, found by the commit", undefined],
  ["a change, found before it", { version: 1, hash: "0".repeat(64) }],
])(
  "it was located in an epoch that the database lost meanwhile: one begins beyond both, and wants what was lost; %s",
  async (_, base) => {
    const { push, begun } = setUp();
    const { reset } = (await push("v5-lost", base)) as ResetRequired;
    expect(reset).toMatchObject({ reason: "EPOCH_CHANGED", reoffer: true });
    expect(ordinalOf(reset.epoch)).toBe(6);
    expect(begun).toEqual([reset.epoch]);
  },
);
