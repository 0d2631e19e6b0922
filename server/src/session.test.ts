/** Time and slow links: what no real socket shows in a second. */
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { formatSyncToken } from "@tillwire/protocol/sync-token";
import { createManualRuntime } from "../test/support/manual-runtime.ts";
import type { Accept } from "./accept.ts";
import type { Feed } from "./feed.ts";
import { encodeFrame, type Choice, type Stretch } from "./frames.ts";
import type { Link } from "./link.ts";
import { createMetrics } from "./metrics.ts";
import type { SessionServices } from "./session-services.ts";
import { Sessions } from "./sessions.ts";
import { createTokenBuckets } from "./token-bucket.ts";
import { Turns } from "./turns.ts";

function setUp(
  changes: { accept?: Partial<Accept>; feed?: Partial<Feed>; authenticate?: () => Promise<never> } = {},
  clockOffMs: () => number = () => 0,
) {
  const manual = createManualRuntime();
  const runtime = { ...manual, now: () => manual.now() + clockOffMs() };
  const device = { storeId: "shop", deviceId: "a", role: "register", name: "A" } as const;
  const page = { epoch: "e", from: 0, fromStamp: null, to: 0, stamp: null, head: 0, changes: [], digests: new Map() };
  const services = {
    collections: SHOP_COLLECTIONS,
    accept: { submit: async () => ({ results: [], filedUnder: new Map() }), ...changes.accept },
    auth: { authenticate: changes.authenticate ?? (async () => device) },
    feed: {
      open: async () => ({ epoch: "e", head: 0, position: 0, stamp: null, reset: null }),
      readPage: async () => page,
      readAll: async () => page,
      encode: (_storeId: string, stretch: Stretch, choice: Choice) => encodeFrame(stretch, choice, formatSyncToken),
      ...changes.feed,
    },
    status: { seen: () => undefined },
    marks: { present: async () => ({}) },
    buckets: createTokenBuckets({ perSecond: LIMITS.pushesPerSecond, burst: LIMITS.pushBurst }, runtime.now),
    turns: new Turns(runtime.setImmediate),
    metrics: createMetrics(),
    log: pino({ level: "silent" }),
    runtime,
  } as unknown as SessionServices;
  const sessions = new Sessions({ services, listDevices: async () => [] });

  function connect(remoteAddress = "1.1.1.1") {
    const sent: any[] = [];
    const link = {
      transport: "websocket" as const,
      remoteAddress,
      bufferedBytes: 0,
      send: (text: string) => void sent.push(JSON.parse(text)),
      close: (code: number) => void (closed.code ??= code),
    } satisfies Link;
    const closed: { code: number | null } = { code: null };
    const listener = sessions.open(link);
    const say = async (message: unknown): Promise<void> => {
      listener?.message(JSON.stringify(message));
      await runtime.pass(0);
    };
    const hello = (more: object = {}): Promise<void> =>
      say({ type: "hello", protocol: 1, token: "t", syncToken: null, ...more });
    return { sent, link, closed, listener, say, hello };
  }
  return { runtime, sessions, services, connect };
}

describe("time", () => {
  test("L1: a link that does not say hello within 5 s is closed, and whoever was only slow may come again", async () => {
    const { runtime, connect } = setUp();
    const { sent, closed } = connect();
    await runtime.pass(LIMITS.helloTimeoutMs - 1);
    expect(closed.code).toBeNull();
    await runtime.pass(1);
    expect(sent).toMatchObject([{ type: "error", code: "UNAVAILABLE", retry: "backoff" }]);
    expect(closed.code).toBe(1013);
  });

  test("a session that is silent for 40 s is dead; anything it says keeps it", async () => {
    const { runtime, sessions, connect } = setUp();
    const { closed, hello, say, listener } = connect();
    await hello();
    await runtime.pass(39_000);
    await say({ type: "ping" });
    await runtime.pass(39_000);
    listener!.alive();
    await runtime.pass(39_000);
    expect(closed.code).toBeNull();
    await runtime.pass(3_000);
    expect(closed.code).toBe(1001);
    expect(sessions.positions().size).toBe(0);
  });
});

describe("marks", () => {
  test("a hello whose link is gone outdates no mark", async () => {
    let opened: (() => void) | undefined;
    const presented: unknown[] = [];
    const opening = { epoch: "e", head: 0, position: 0, stamp: null, reset: null };
    const feed = { open: () => new Promise<typeof opening>((resolve) => (opened = () => resolve(opening))) };
    const { runtime, services, connect } = setUp({ feed });
    services.marks.present = async (_device, mark, checked) => (presented.push([mark, checked]), { mark: "2.b" });
    const gone = connect();
    await gone.hello({ mark: "1.a", syncToken: "t" });
    gone.listener!.closed();
    opened!();
    await runtime.pass(0);
    expect(presented).toEqual([]);
    const again = connect();
    await again.hello({ mark: "1.a", syncToken: "t" });
    opened!();
    await runtime.pass(0);
    expect(presented).toEqual([["1.a", true]]);
    expect(again.sent[0]).toMatchObject({ type: "welcome", mark: "2.b" });
  });

  test("a hello without a sync token, or that is reset, finds no copy", async () => {
    const presented: unknown[] = [];
    const restart = { reason: "EPOCH_CHANGED", reoffer: null } as const;
    const open: Feed["open"] = async (_storeId, syncToken) => {
      return { epoch: "e", head: 0, position: 0, stamp: null, reset: syncToken === "old" ? restart : null };
    };
    const { services, connect } = setUp({ feed: { open } });
    services.marks.present = async (_device, _mark, checked) => (presented.push(checked), {});
    for (const syncToken of ["current", "old", null]) await connect().hello({ mark: "1.a", syncToken });
    expect(presented).toEqual([true, false, false]);
  });
});

describe("slow links", () => {
  test("more than 4 MiB in the buffer of a live session cuts it", async () => {
    const { sessions, connect } = setUp();
    const { sent, closed, hello, link } = connect();
    await hello();
    link.bufferedBytes = LIMITS.sendBufferBytes + 1;
    const json = '{"seq":1,"collection":"orders","localId":"o"}';
    const changes = [{ seq: 1, collection: "orders", stamp: "s", json }];
    const stamps = { fromStamp: null, stamp: "s" };
    sessions.publish({ storeId: "shop", epoch: "e", from: 0, to: 1, ...stamps, at: 0, changes, digests: new Map() });
    expect(sent.at(-1)).toMatchObject({ code: "SLOW_CONSUMER", retry: "backoff" });
    expect(closed.code).toBe(1013);
  });

  test("so does being behind for 30 s", async () => {
    const { runtime, connect } = setUp();
    const { closed, hello, say, link } = connect();
    await hello();
    link.bufferedBytes = LIMITS.frameBytes + 1;
    await runtime.pass(29_000);
    await say({ type: "ping" });
    expect(closed.code).toBeNull();
    await runtime.pass(3_000);
    expect(closed.code).toBe(1013);
  });

  test("a link that catches up again is left alone", async () => {
    const { runtime, connect } = setUp();
    const { closed, hello, say, link } = connect();
    await hello();
    for (let rounds = 0; rounds < 4; rounds++) {
      link.bufferedBytes = LIMITS.frameBytes + 1;
      await runtime.pass(20_000);
      link.bufferedBytes = 0;
      await runtime.pass(2_000);
      await say({ type: "ping" });
    }
    expect(closed.code).toBeNull();
  });
});

describe("errors", () => {
  test("accept's errors are told with the push's id, and the link stays", async () => {
    const submit = async (): Promise<never> => Promise.reject(new ReplicationError("UNAVAILABLE", "away", 1_000));
    const { connect } = setUp({ accept: { submit } });
    const { sent, closed, hello, say } = connect();
    await hello();
    await say({ type: "push", id: "p-1", writes: [] });
    expect(sent.at(-1)).toMatchObject({ code: "UNAVAILABLE", requestId: "p-1", retryAfterMs: 1_000 });
    expect(closed.code).toBeNull();
    await say({ type: "push", id: "p-2", writes: [] });
    expect(sent.at(-1)).toMatchObject({ code: "UNAVAILABLE", requestId: "p-2" });
  });

  test("an unforeseen error is INTERNAL and tells nothing", async () => {
    const submit = async (): Promise<never> => Promise.reject(new Error("select secret from payload"));
    const { connect } = setUp({ accept: { submit } });
    const { sent, hello, say } = connect();
    await hello();
    await say({ type: "push", id: "p", writes: [] });
    expect(sent.at(-1)).toMatchObject({ code: "INTERNAL" });
    expect(JSON.stringify(sent)).not.toContain("secret");
  });

  test("a revocation found by accept closes the link with 4403", async () => {
    const submit = async (): Promise<never> => Promise.reject(new ReplicationError("DEVICE_REVOKED", "revoked"));
    const { connect } = setUp({ accept: { submit } });
    const { closed, hello, say } = connect();
    await hello();
    await say({ type: "push", id: "p", writes: [] });
    expect(closed.code).toBe(4403);
  });

  test("RESET from accept is a reset, and frames from 0 in the new epoch", async () => {
    const submit = async (): Promise<never> => Promise.reject(new ReplicationError("RESET", "another epoch"));
    let epoch = "e";
    const stamps = { fromStamp: null, stamp: null };
    const page = () => ({ epoch, from: 0, to: 0, head: 0, ...stamps, changes: [], digests: new Map() });
    const { connect } = setUp({
      accept: { submit },
      feed: {
        readPage: async () => page(),
        readAll: async () => page(),
        readHead: async () => ({ storeId: "shop", head: 0, epoch, stamp: null }),
        epochFor: async (_storeId, _seen, current) => current,
        resetMessage: async (_storeId, { reason }, now) => ({ type: "reset", reason, epoch: now, reoffer: true }),
      },
    });
    const { sent, hello, say } = connect();
    await hello();
    epoch = "f";
    await say({ type: "push", id: "p", writes: [] });
    const at = sent.findIndex(({ type }) => type === "reset");
    expect(sent.slice(at, at + 2)).toMatchObject([
      { type: "reset", epoch: "f", reason: "EPOCH_CHANGED" },
      { type: "changes", from: 0, syncToken: "tw1.f.0.all" },
    ]);
  });

  test("who can't be let in for the database's sake is sent away to try again", async () => {
    const { connect } = setUp({
      authenticate: async () => Promise.reject(new ReplicationError("UNAVAILABLE", "away", 1_000)),
    });
    const { sent, closed, hello } = connect();
    await hello();
    expect(sent).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(closed.code).toBe(1013);
  });

  test("pushes beyond the rate are told to wait, and time heals", async () => {
    const { runtime, connect } = setUp();
    const { sent, hello, say } = connect();
    await hello();
    for (let pushes = 0; pushes <= LIMITS.pushBurst; pushes++)
      await say({ type: "push", id: `p-${pushes}`, writes: [] });
    expect(sent.at(-1)).toMatchObject({ code: "RATE_LIMITED", requestId: `p-${LIMITS.pushBurst}` });
    await runtime.pass(sent.at(-1).retryAfterMs);
    await say({ type: "push", id: "later", writes: [] });
    expect(sent.at(-1)).toMatchObject({ type: "pushed", id: "later" });
  });
});

test("draining tells every session, also those that have not said hello, and lets nobody in", async () => {
  const { sessions, connect } = setUp();
  const [open, stranger] = [connect(), connect()];
  await open.hello();
  sessions.drain();
  for (const { sent, closed } of [open, stranger]) {
    expect(sent.at(-1)).toMatchObject({ code: "SHUTTING_DOWN" });
    expect(closed.code).toBe(1012);
  }
  expect(connect().closed.code).toBe(1012);
});

test("nothing of a store stays in memory when its last session has gone", async () => {
  const { sessions, connect } = setUp();
  const { hello, listener } = connect();
  await hello();
  expect([...sessions.positions()]).toEqual([["shop", { seq: 0, stamp: null }]]);
  listener!.closed();
  expect(sessions.positions().size).toBe(0);
  expect(sessions.devices()).toEqual([]);
});

describe("large pushes", () => {
  const largePush = (id: string): string => JSON.stringify({ type: "push", id, writes: ["x".repeat(100_000)] });

  test("are read in turns, so that what others say meanwhile does not wait for all of them", async () => {
    const order: string[] = [];
    const submit: Accept["submit"] = async ({ storeId }) => {
      order.push(storeId);
      return { results: [], filedUnder: new Map() };
    };
    const { connect, services, runtime } = setUp({ accept: { submit } });
    const devices = ["loud", "loud", "loud", "quiet"].map((storeId) => ({ storeId, role: "register" as const }));
    const tills = [];
    for (const [index, device] of devices.entries()) {
      services.auth.authenticate = async () => ({ ...device, deviceId: `d${index}`, name: "" });
      const till = connect();
      await till.hello();
      tills.push(till);
    }
    for (const till of tills.slice(0, 3)) till.listener!.message(largePush("p"));
    tills[3]!.listener!.message(JSON.stringify({ type: "push", id: "p", writes: [] }));
    expect(order).toEqual(["quiet"]);
    await runtime.pass(0);
    expect(order).toEqual(["quiet", "loud", "loud", "loud"]);
    for (const till of tills) expect(till.sent.at(-1)).toMatchObject({ type: "pushed", id: "p" });
  });

  test("of one device beyond the first are refused unread, and the link stays", async () => {
    let answer!: () => void;
    const submit: Accept["submit"] = () =>
      new Promise((resolve) => (answer = () => resolve({ results: [], filedUnder: new Map() })));
    const { connect, runtime } = setUp({ accept: { submit } });
    const { sent, hello, listener, closed } = connect();
    await hello();
    // The second while the first waits to be read, the third while it is under way; neither is looked into.
    listener!.message(largePush("p-1"));
    listener!.message("{" + " ".repeat(100_000));
    await runtime.pass(0);
    listener!.message("{" + " ".repeat(100_000));
    expect(sent.filter(({ type }) => type === "error")).toMatchObject(Array(2).fill({ code: "PUSH_IN_FLIGHT" }));
    answer();
    await runtime.pass(0);
    expect(sent.at(-1)).toMatchObject({ type: "pushed", id: "p-1" });
    expect(closed.code).toBeNull();
  });

  test("are read before what comes after them", async () => {
    const { connect, runtime } = setUp({ accept: { submit: () => new Promise(() => undefined) } });
    const { sent, hello, listener } = connect();
    await hello();
    listener!.message(largePush("p-1"));
    listener!.message(JSON.stringify({ type: "push", id: "p-2", writes: [] }));
    await runtime.pass(0);
    expect(sent.at(-1)).toMatchObject({ type: "error", code: "PUSH_IN_FLIGHT", requestId: "p-2" });
  });

  test("of a link that has ended are not read any more", async () => {
    let submitted = 0;
    const submit: Accept["submit"] = async () => (submitted++, { results: [], filedUnder: new Map() });
    const { connect, runtime } = setUp({ accept: { submit } });
    const { hello, listener } = connect();
    await hello();
    listener!.message(largePush("p-1"));
    listener!.closed();
    await runtime.pass(0);
    expect(submitted).toBe(0);
  });
});

describe("what peers may not do", () => {
  test("a session that takes nothing is cut at 4 MiB, whatever it is that waits for it (trap 12)", async () => {
    const { connect } = setUp();
    const { link, closed, hello, listener } = connect();
    await hello();
    (link as { bufferedBytes: number }).bufferedBytes = LIMITS.sendBufferBytes + 1;
    listener!.message(JSON.stringify({ type: "ping" }));
    expect(closed.code).toBe(1013);
  });

  test("what is said before it is known who speaks may be no larger than a message", async () => {
    const { connect } = setUp({ authenticate: () => new Promise(() => undefined) });
    const { closed, hello, listener } = connect();
    await hello();
    const half = "x".repeat(LIMITS.messageBytes / 2);
    for (let i = 0; i < 2; i++) listener!.message(half);
    expect(closed.code).toBeNull();
    listener!.message("x");
    expect(closed.code).toBe(4401);
  });

  test.each([[{ type: "other" }], [null], [[]], [{ type: "push", writes: 5 }]])(
    "anything but hello first closes the link, whether or not it is a message: %j",
    async (first) => {
      const { connect } = setUp();
      const { closed, say } = connect();
      await say(first);
      expect(closed.code).toBe(4401);
    },
  );

  test("a clock that was set back keeps no dead link alive", async () => {
    let offMs = 0;
    const { runtime, sessions, connect } = setUp({}, () => offMs);
    const { closed, hello } = connect();
    await hello();
    offMs = -3_600_000;
    await runtime.pass(LIMITS.deadAfterMs + 2_000);
    expect(closed.code).toBe(1001);
    sessions.drain();
  });
});
