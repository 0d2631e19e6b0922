/** Links as PROTOCOL.md and the brief ask: fallback and back, watchdogs, pauses, resets; over virtual time. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { memoryStores } from "./memory-store.ts";
import { hashOf } from "@tillwire/protocol/hash";
import { COLLECTIONS, identityOf, latest, noteWrite, notes, textOf, world, type World } from "../test/fixtures.ts";

let w: World;
const opened: Replica[] = [];
async function open(...args: Parameters<World["open"]>): Promise<Replica> {
  const replica = await w.open(...args);
  opened.push(replica);
  return replica;
}

beforeEach(() => {
  w = world();
});
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

describe("fallback", () => {
  it("where no live link can be had HTTP carries on, at once for new writes, and live comes back by itself", async () => {
    w.server.liveUp = false;
    const a = await open("a");
    const link = latest(a.link$);
    const states = new Set<string>();
    a.link$.subscribe(({ state }) => states.add(state));
    await w.time.until(() => link.value?.state === "polling");
    expect(link.value).toMatchObject({ transport: "http", leader: true });
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.advance(100);
    expect(w.server.pushes).toMatchObject([{ via: "http" }]);
    expect((await a.collection(notes).get("n1"))?.sync).toBe("synced");
    w.server.put("b", noteWrite("n2", "theirs", 1, { version: 0, hash: null }));
    await w.time.advance(31_000);
    expect(await textOf(a, "n2")).toBe("theirs");
    w.server.liveUp = true;
    await w.time.until(() => link.value?.state === "live");
    expect(link.value?.transport).toBe("socket.io");
    const { length } = w.server.requests;
    await w.time.advance(120_000);
    expect(w.server.requests).toHaveLength(length);
    expect([...states]).toEqual(expect.arrayContaining(["connecting", "polling", "catching up", "live"]));
  });

  it("a live link that comes up during an HTTP push leaves one push in flight, and nothing twice", async () => {
    w.server.liveUp = false;
    const a = await open("a");
    const stats = latest(a.stats$);
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "polling");
    for (let round = 0; round < 20; round++) {
      w.server.liveUp = round % 2 === 0;
      if (!w.server.liveUp) w.server.cutAll();
      await a.collection(notes).put({ id: `n${round}`, text: "x" });
      await w.time.advance(round * 37);
    }
    w.server.liveUp = true;
    await w.time.until(() => stats.value?.pending === 0);
    expect([...w.server.records.values()].filter((record) => record.collection === "notes")).toHaveLength(20);
    expect([...w.server.records.values()].filter((record) => record.collection === "conflicts")).toEqual([]);
  });

  it("transports are tried in order", async () => {
    w.server.liveUp = false;
    const tried: string[] = [];
    const failing = (name: string) => (_url: string, events: { closed(end: { code: null; reason: string }): void }) => {
      tried.push(name);
      w.time.setTimer(() => events.closed({ code: null, reason: "no" }), 1);
      return { send: () => {}, close: () => {} };
    };
    const env = w.host("a", { openLink: { "socket.io": failing("socket.io"), websocket: failing("websocket") } });
    await open("a", { live: ["websocket", "socket.io"] }, env);
    await w.time.until(() => tried.length >= 4);
    expect(tried.slice(0, 4)).toEqual(["websocket", "socket.io", "websocket", "socket.io"]);
  });

  it("5xx, 429 and time-outs are retried for ever and fail no write", async () => {
    w.server.liveUp = false;
    const a = await open("a");
    const state = latest(a.syncState$);
    await a.collection(notes).put({ id: "n1", text: "tea" });
    for (const status of [500, 502, 503, 429, 404, 403, 413]) {
      w.server.httpStatus = status;
      await w.time.advance(90_000);
      expect(state.value).toMatchObject({ type: "Error" });
      expect(await a.collection(notes).get("n1")).toMatchObject({ sync: "saved" });
    }
    w.server.httpStatus = null;
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.pending === 0);
    expect(state.value?.type).toBe("Success");
  });

  it("syncNow without a live link goes over HTTP at once, and rejects with the reason", async () => {
    w.server.liveUp = w.server.httpUp = false;
    const a = await open("a");
    await a.collection(notes).put({ id: "n1", text: "tea" });
    const failed = a.syncNow().catch((error: unknown) => error);
    await w.time.advance(1_000);
    expect(await failed).toMatchObject({ code: "UNAVAILABLE" });
    w.server.httpUp = true;
    const done = a.syncNow();
    await w.time.advance(1_000);
    expect(await done).toMatchObject({ pending: 0, failed: 0 });
  });
});

describe("live links", () => {
  it("syncNow resolves when everything was offered and the head is reached", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    await a.collection(notes).put({ id: "n1", text: "tea" });
    const done = a.syncNow();
    await w.time.advance(1_000);
    expect(await done).toMatchObject({ pending: 0, failed: 0 });
  });

  it("L4 no result for 30 s leads to a reconnect, and the write is sent again as it was", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.server.dropResults = w.server.dropFrames = true;
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.advance(29_000);
    expect(w.server.received.filter(({ message }) => message.type === "hello")).toHaveLength(1);
    w.server.dropResults = w.server.dropFrames = false;
    await w.time.advance(5_000);
    expect(w.server.received.filter(({ message }) => message.type === "hello")).toHaveLength(2);
    expect(w.server.pushes).toHaveLength(2);
    expect(w.server.pushes[1]?.writes).toEqual(w.server.pushes[0]?.writes);
  });

  it("an error that names another push, or none, does not give up the push in flight", async () => {
    const a = await open("a");
    const [link, stats] = [latest(a.link$), latest(a.stats$)];
    await w.time.until(() => link.value?.state === "live");
    w.server.dropResults = true;
    await a.collection(notes).put({ id: "n1", text: "x" });
    await w.time.until(() => w.server.pushes.length === 1);
    const [session] = w.server.sessions;
    w.server.say(session!, { type: "error", code: "UNAVAILABLE", message: "", retry: "backoff" });
    w.server.say(session!, { type: "error", code: "INTERNAL", message: "", retry: "backoff", requestId: "p-0" });
    await w.time.advance(20_000);
    expect(w.server.pushes).toHaveLength(1);
    w.server.dropResults = false;
    w.server.cutAll();
    await w.time.until(() => stats.value?.pending === 0);
  });

  it("syncNow does not wait for the backoff of pushes, but for what the server asked", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.server.pushError = { code: "UNAVAILABLE", retry: "backoff" };
    await a.collection(notes).put({ id: "n1", text: "x" });
    await w.time.advance(40_000);
    // the longest wait of the backoff so far has just begun
    const tries = w.server.pushes.length;
    await w.time.until(() => w.server.pushes.length > tries);
    w.server.pushError = { code: "RATE_LIMITED", retry: "backoff", retryAfterMs: 3_000 };
    const refused = a.syncNow();
    await w.time.advance(20);
    expect(w.server.pushes).toHaveLength(tries + 2);
    w.server.pushError = null;
    const done = a.syncNow();
    await w.time.advance(2_900);
    expect(w.server.pushes).toHaveLength(tries + 2);
    await w.time.until(() => w.server.pushes.length === tries + 3);
    await w.time.advance(100);
    for (const report of await Promise.all([refused, done])) expect(report).toMatchObject({ pending: 0 });
  });

  it("frames that come faster than the database writes are left out, and pulled when it has caught up", async () => {
    const count = 300;
    for (let i = 0; i < count; i++) w.server.put("b", noteWrite(`n${i}`, "x", 1, { version: 0, hash: null }));
    w.server.pageSize = 1;
    const open0 = memoryStores();
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let writes = 0;
    const openStore = async (name: string) => {
      const store = await open0(name);
      const write: typeof store.write = async (durability, run) => {
        // the set-up, the lease, the mark; then the disk is busy
        if (++writes > 3) await gate;
        return store.write(durability, run);
      };
      return { ...store, write };
    };
    const a = await open("a", {}, w.host("a", { openStore }));
    await w.time.until(() => w.server.sessions.size === 1);
    await w.time.advance(50);
    release();
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.digestsEqual === true);
    expect(stats.value?.synced).toBe(count);
    const pulls = w.server.received.filter(({ message }) => message.type === "pull");
    expect(pulls.length).toBeGreaterThan(0);
    expect(pulls.length).toBeLessThan(count / 64 + 1);
  });

  it("a silent link is left within 40 s of the last word", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.server.silent = true;
    await w.time.advance(41_000);
    expect(link.value?.state).not.toBe("live");
    w.server.silent = false;
    await w.time.until(() => link.value?.state === "live");
  });

  it("a device that slept asks at once whether its link lives", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.time.sleep(3_600_000);
    w.server.silent = true;
    await w.time.advance(8_000);
    expect(link.value?.state).not.toBe("live");
  });

  it("a frame that was lost is found by the next pong and pulled", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.server.put("b", noteWrite("n1", "unseen", 1, { version: 0, hash: null }));
    for (const session of w.server.sessions) session.position = w.server.head;
    await w.time.advance(20_000);
    expect(await textOf(a, "n1")).toBe("unseen");
    expect(w.server.received.some(({ message }) => message.type === "pull")).toBe(true);
  });

  it("a gap in the chain leads to a pull", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.server.put("b", noteWrite("n1", "skipped", 1, { version: 0, hash: null }));
    for (const session of w.server.sessions) session.position = w.server.head;
    w.server.put("b", noteWrite("n2", "next", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.advance(200);
    expect([await textOf(a, "n1"), await textOf(a, "n2")]).toEqual(["skipped", "next"]);
  });

  it("L3 when nobody types, the network falls silent but for heartbeats", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.advance(30_000);
    w.server.received.length = 0;
    await w.time.advance(60_000);
    expect(w.server.received.map(({ message }) => message.type).sort()).toEqual([
      ...["ping", "ping", "ping", "ping"],
      ...["status", "status", "status", "status"],
    ]);
  });

  it("401 pauses and asks; the outbox stays as it is and goes on with a new token", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    const stats = latest(a.stats$);
    await w.time.until(() => link.value?.state === "live");
    w.server.cutAll(4403);
    await w.time.advance(60_000);
    expect(link.value).toMatchObject({ state: "offline", paused: "reauthenticate" });
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.advance(60_000);
    expect(stats.value?.pending).toBe(1);
    await expect(a.syncNow()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(a.reauthenticate({ ...identityOf("a"), storeId: "other" })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await a.reauthenticate({ ...identityOf("a"), token: "new" });
    await w.time.until(() => stats.value?.pending === 0);
    expect(w.server.received.findLast(({ message }) => message.type === "hello")?.message).toMatchObject({
      token: "new",
    });
  });

  it("426 pauses until a new version is loaded", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    w.server.cutAll(4426);
    await w.time.advance(1_000);
    expect(link.value?.paused).toBe("upgrade");
  });
});

describe("collections", () => {
  it("another choice of collections starts again from null, beside what people see, and offers nothing again", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    await a.close();
    const { length } = w.server.pushes;
    const again = await open("a", { subscribe: ["entries", "conflicts"] });
    expect(await textOf(again, "n1")).toBe("tea");
    const link = latest(again.link$);
    await w.time.until(() => link.value?.state === "live");
    expect(w.server.received.findLast(({ message }) => message.type === "hello")?.message).toMatchObject({
      syncToken: null,
      collections: ["entries", "conflicts"],
    });
    await w.time.advance(5_000);
    expect(w.server.pushes).toHaveLength(length);
    expect(await textOf(again, "n1")).toBeUndefined();
  });
});

describe("presence and status", () => {
  it("the list comes whole, then as changes", async () => {
    const a = await open("a", { presence: true });
    const presence = latest(a.presence$);
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    const [session] = w.server.sessions;
    const device = {
      name: "",
      role: "register" as const,
      cursor: 0,
      pending: 0,
      lastSeenAt: null,
      clockOffsetMs: null,
    };
    const devices = [
      { ...device, deviceId: "a", online: true },
      { ...device, deviceId: "b", online: true },
    ];
    w.server.say(session!, { type: "presence", devices });
    w.server.say(session!, { type: "presence", devices: [{ ...device, deviceId: "b", online: false }] });
    await w.time.advance(100);
    expect(presence.value?.map(({ deviceId, online }) => [deviceId, online])).toEqual([
      ["a", true],
      ["b", false],
    ]);
  });

  it("status tells of what waits, at once and then only when it changes", async () => {
    w.server.reject = () => ({ code: "GUARD", message: "" });
    const a = await open("a");
    await a.collection(notes).put({ id: "n1", text: "tea" });
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.failed === 1);
    await w.time.advance(2_000);
    expect(w.server.received.findLast(({ message }) => message.type === "status")?.message).toMatchObject({
      failed: 1,
      pending: 0,
    });
  });
});

describe("restores", () => {
  it("a server that lost its last hours gets them back, with author and version", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "kept" });
    await w.time.until(() => stats.value?.pending === 0 && w.server.head === 1);
    w.server.put("b", noteWrite("n2", "lost", 3, { version: 2, hash: hashOf({}) }));
    await a.collection(notes).put({ id: "n1", text: "newer" });
    await w.time.until(
      () => stats.value?.pending === 0 && stats.value.digestsEqual === true && stats.value.synced === 2,
    );
    w.server.restore(0);
    w.server.cutAll();
    await w.time.until(() => w.server.records.size === 2);
    expect(w.server.records.get("notes/n2")).toMatchObject({
      syncVersion: 3,
      deviceId: "b",
      createdBy: "b",
      data: { text: "lost" },
    });
    expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 2, deviceId: "a", data: { text: "newer" } });
    expect(w.server.pushes.at(-1)?.writes[0]).toMatchObject({ reoffer: true, base: null });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
  });

  it("what people see never shrinks while a fresh base is read, over HTTP as well", async () => {
    w.server.liveUp = false;
    const a = await open("a");
    const stats = latest(a.stats$);
    const seen = latest(a.collection(notes).records$);
    let fewest = Number.POSITIVE_INFINITY;
    w.server.pageSize = 2;
    for (let i = 0; i < 9; i++) await a.collection(notes).put({ id: `n${i}`, text: "x" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 9);
    a.collection(notes).records$.subscribe((records) => (fewest = Math.min(fewest, records.length)));
    w.server.restore(6);
    await w.time.until(() => w.server.records.size === 9, 300_000);
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    expect(seen.value).toHaveLength(9);
    expect(fewest).toBe(9);
  });

  it("reoffer: false discards on purpose what devices hold beyond the server", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "gone" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 1);
    w.server.reoffer = false;
    w.server.restore(0);
    w.server.cutAll();
    await w.time.until(() => stats.value?.synced === 0);
    await w.time.advance(5_000);
    expect(w.server.records.size).toBe(0);
    expect(await textOf(a, "n1")).toBeUndefined();
  });

  it("another reset meanwhile leaves aside what is aside", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    for (let i = 0; i < 5; i++) await a.collection(notes).put({ id: `n${i}`, text: "x" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 5);
    w.server.pageSize = 1;
    w.server.restore(4);
    w.server.cutAll();
    // frames of the first reset are under way when the second comes
    await w.time.until(() => w.server.received.filter(({ message }) => message.type === "hello").length === 2);
    await w.time.advance(5);
    w.server.restore(2);
    w.server.cutAll();
    await w.time.until(() => w.server.records.size === 5);
    await w.time.until(
      () => stats.value?.pending === 0 && stats.value.digestsEqual === true && stats.value.synced === 5,
    );
  });

  it("a server value below a record's base version is not applied: it proves a restore", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await a.collection(notes).put({ id: "n1", text: "two" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 1);
    // restored without anybody noticing, and newly written
    w.server.records.clear();
    w.server.put("b", noteWrite("n1", "old", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.advance(200);
    expect(await textOf(a, "n1")).not.toBe("old");
    await w.time.until(() => w.server.records.get("notes/n1")?.syncVersion === 2);
    expect(w.server.records.get("notes/n1")?.data).toMatchObject({ text: "two" });
  });

  it("S12 a digest that differs at the head is reported, and healed at most once an hour", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    // the server's record changes under its seq: whatever the reason, this replica differs
    const lie = { ...w.server.records.get("notes/n1")!, hash: "d".repeat(64), data: { id: "n1", text: "other" } };
    w.server.records.set("notes/n1", lie);
    w.server.put("b", noteWrite("n2", "x", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.until(() => stats.value?.digestMismatches === 1);
    await w.time.until(() => stats.value?.digestsEqual === true);
    expect(await textOf(a, "n1")).toBe("other");
    w.server.records.set("notes/n1", { ...lie, hash: "e".repeat(64) });
    w.server.put("b", noteWrite("n3", "x", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.until(() => stats.value?.digestMismatches === 2);
    await w.time.advance(60_000);
    expect(stats.value?.digestsEqual).toBe(false);
    expect(w.server.received.findLast(({ message }) => message.type === "status")?.message).toMatchObject({
      digestsEqual: false,
      digestMismatches: 2,
    });
    // nobody sells anything: it asks by itself when it may heal again
    await w.time.advance(3_600_000);
    expect(stats.value?.digestsEqual).toBe(true);
    expect((await a.collection(notes).get("n1"))?.hash).toBe("e".repeat(64));
  });
});

describe("HTTP alone", () => {
  it("a push carries the token of its epoch, pulled first if there is none", async () => {
    const a = await open("a", { live: [] });
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.advance(1_000);
    expect(w.server.requests.slice(0, 3)).toEqual(["GET /api/sync/pull", "POST /api/sync/push", "GET /api/sync/pull"]);
    expect(latest(a.link$).value).toMatchObject({ state: "polling", transport: "http" });
    expect(COLLECTIONS.size).toBe(3);
  });
});
