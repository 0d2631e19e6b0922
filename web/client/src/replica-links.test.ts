/** Live links: watchdogs, backoff, gaps, pauses, new tokens; over virtual time. */
import { describe, expect, it } from "vitest";
import { memoryStores } from "./memory-store.ts";
import { identityOf, latest, noteWrite, notes, textOf, type World } from "../test/fixtures.ts";
import type { OpenLink } from "./transports/link.ts";
import { openWorldForEachTest } from "../test/each-world.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

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

it("nothing is sent over a link before its hello: the server would close it as unauthenticated, and the device would pause", async () => {
  w.server.liveUp = false;
  const early: string[] = [];
  // a link that is being opened for long, as through a proxy that swallows it
  const opening: OpenLink = (_url, events) => {
    let isOpen = false;
    const cancel = w.time.setTimer(() => {
      isOpen = true;
      events.opened();
    }, 9_000);
    return {
      send: (message) => void (isOpen || early.push(message.type)),
      close: cancel,
    };
  };
  const a = await open("a", {}, w.host("a", { openLink: { "socket.io": opening, websocket: opening } }));
  const stats = latest(a.stats$);
  await a.collection(notes).put({ id: "n1", text: "one" });
  await w.time.until(() => stats.value?.digestsEqual === true && stats.value.pending === 0);
  // over HTTP the replica turns out to differ while a live link is being opened
  w.server.records.set("notes/n1", { ...w.server.records.get("notes/n1")!, hash: "d".repeat(64) });
  w.server.put("b", noteWrite("n2", "x", 1, { version: 0, hash: null }));
  await w.time.until(() => stats.value?.digestMismatches === 1);
  await w.time.advance(60_000);
  expect(early).toEqual([]);
});

describe("a new token", () => {
  it("ends a live link that speaks for the former one: nothing more is sent under the identity of before", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    await a.reauthenticate({ ...identityOf("a"), token: "new" });
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.until(() => w.server.received.some(({ message }) => message.type === "push"));
    const hello = w.server.received.findLastIndex(({ message }) => message.type === "hello");
    expect(w.server.received[hello]!.message).toMatchObject({ token: "new" });
    expect(w.server.received.findIndex(({ message }) => message.type === "push")).toBeGreaterThan(hello);
    expect(link.value).toMatchObject({ paused: null });
  });

  it("that came before the old one was refused is used, not asked for again", async () => {
    const a = await open("a");
    const link = latest(a.link$);
    const stats = latest(a.stats$);
    await w.time.until(() => link.value?.state === "live");
    await a.reauthenticate({ ...identityOf("a"), token: "new" });
    w.server.cutAll(4403);
    await w.time.advance(5_000);
    expect(link.value).toMatchObject({ state: "live", paused: null });
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.until(() => stats.value?.pending === 0);
    expect(w.server.received.findLast(({ message }) => message.type === "hello")?.message).toMatchObject({
      token: "new",
    });
  });
});

it("a clock that is set back does not stop pulls until it has caught up", async () => {
  let skewMs = 0;
  const a = await open("a", {}, w.host("a", { now: () => w.time.now + skewMs }));
  const link = latest(a.link$);
  await w.time.until(() => link.value?.state === "live");
  // a gap: the pull that it leads to is lost
  w.server.put("b", noteWrite("n1", "skipped", 1, { version: 0, hash: null }));
  for (const session of w.server.sessions) session.position = w.server.head;
  w.server.put("b", noteWrite("n2", "next", 1, { version: 0, hash: null }));
  w.server.publish();
  await w.time.advance(6);
  w.server.silent = true;
  await w.time.advance(10);
  w.server.silent = false;
  expect(w.server.received.some(({ message }) => message.type === "pull")).toBe(false);
  skewMs = -3_600_000;
  await w.time.advance(30_000);
  expect(await textOf(a, "n1")).toBe("skipped");
});
