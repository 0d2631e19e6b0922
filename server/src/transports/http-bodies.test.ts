/** Whose bodies are read, and when: nobody's before it is known who sends, and a large one when its shop's turn comes. */
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { Admin } from "../admin.ts";
import { createMetrics } from "../metrics.ts";
import type { SeedDoor } from "../seed-door.ts";
import type { SessionServices } from "../session-services.ts";
import { createTokenBuckets } from "../token-bucket.ts";
import { Turns } from "../turns.ts";
import { createHttpApp, type HttpOptions } from "./http.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp() {
  /** Turns that are to come. */
  const soon: (() => void)[] = [];
  const submitted: string[] = [];
  const now = (): number => 0;
  const services = {
    collections: SHOP_COLLECTIONS,
    accept: {
      async submit({ storeId }: { storeId: string }) {
        submitted.push(storeId);
        return { results: [], filedUnder: new Map() };
      },
    },
    auth: {
      async authenticate(token: string | null) {
        if (token === null) throw new ReplicationError("UNAUTHENTICATED", "a device token is needed");
        return { storeId: token, deviceId: "a", role: "register", name: "A" };
      },
    },
    feed: { locate: async () => ({ epoch: "e", head: 0, position: 0, stamp: null, reset: null }) },
    status: { seen: () => undefined },
    buckets: createTokenBuckets({ perSecond: 1, burst: 5 }, now),
    turns: new Turns((run) => soon.push(run)),
    metrics: createMetrics(),
    log: pino({ level: "silent" }),
    runtime: { now, random: (bytes: number) => new Uint8Array(bytes) },
  } as unknown as SessionServices;
  const options: Partial<HttpOptions> = {
    ...{ services, seed: {} as SeedDoor, admin: {} as Admin, webRoot: null, syncIntervalSeconds: 30 },
    ...{ allowOrigin: () => true, isDraining: () => false, probe: async () => undefined },
  };
  const app = await createHttpApp(options as HttpOptions);
  closing.push(async () => app.close());
  const push = async (token: string | null, body: string, path = "/api/sync/push"): Promise<string | number> => {
    const headers = { "content-type": "application/json", ...(token !== null && { authorization: `Bearer ${token}` }) };
    const answer = await app.inject({ method: "POST", url: path, headers, payload: body });
    return answer.statusCode === 200 ? 200 : answer.json<{ code: string }>().code;
  };
  return { app, push, soon, submitted };
}

const bodyOf = (bytes: number): string => JSON.stringify({ id: "p", syncToken: "t", writes: ["x".repeat(bytes)] });
const LARGE = bodyOf(100_000);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a body is not read before it is known who sends it, and that they may", async () => {
  const { push, submitted } = await setUp();
  const tooLarge = bodyOf(2 * 1024 * 1024);
  for (const path of ["/api/sync/push", "/api/sync/order", "/api/sync/transaction"])
    expect(await push(null, tooLarge, path)).toBe("UNAUTHENTICATED");
  expect(await push(null, "{", "/api/sync/batch")).toBe("UNAUTHENTICATED");
  expect(await push("shop", tooLarge)).toBe("TOO_LARGE");
  for (let i = 0; i < 4; i++) expect(await push("shop", "{")).toBe("NOT_JSON");
  expect(await push("shop", "{")).toBe("RATE_LIMITED");
  expect(submitted).toEqual([]);
});

test("a body that never comes to its end is not waited for without end", async () => {
  const { app } = await setUp();
  expect(app.server.requestTimeout).toBe(LIMITS.requestTimeoutMs);
});

test("large bodies are read by turns, one shop after the other; small ones at once", async () => {
  const { push, soon, submitted } = await setUp();
  const answers = ["loud", "loud", "loud", "quiet"].map((shop) => push(shop, LARGE));
  await expect.poll(() => soon.length).toBe(1);
  for (let i = 0; i < 20; i++) await turn();
  expect(submitted).toEqual([]);
  expect(await push("third", bodyOf(10))).toBe(200);
  while (submitted.length < 5) {
    soon.shift()?.();
    await turn();
  }
  expect(submitted).toEqual(["third", "loud", "quiet", "loud", "loud"]);
  expect(await Promise.all(answers)).toEqual([200, 200, 200, 200]);
});

test("a large body that is no JSON, or none that is expected, is told so", async () => {
  const { push, soon } = await setUp();
  const answers = [push("shop", `${LARGE}}`), push("shop", JSON.stringify({ id: "", writes: ["x".repeat(100_000)] }))];
  await expect.poll(() => soon.length).toBe(1);
  for (let i = 0; i < 40; i++) {
    soon.shift()?.();
    await turn();
  }
  expect(await Promise.all(answers)).toEqual(["NOT_JSON", "MALFORMED"]);
});
