/** What a review found: each a way in which a write, or the promise about it, could go wrong. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Replica } from "./api.ts";
import type { Channel } from "./environment.ts";
import type { LocalStore } from "./local-store.ts";
import { memoryStores } from "./memory-store.ts";
import type { OpenLink } from "./transports/link.ts";
import { identityOf, latest, noteWrite, notes, textOf, world, type World } from "../test/fixtures.ts";

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

describe("a put that is durable is never refused: a sale would be made twice", () => {
  it("when the other tabs can't be told", async () => {
    const mute: Channel = {
      post() {
        throw new DOMException("the channel is closed", "InvalidStateError");
      },
      listen() {},
      close() {},
    };
    const a = await open("a", {}, w.host("a", { openChannel: () => mute }));
    await expect(a.collection(notes).put({ id: "n1", text: "tea" })).resolves.toMatchObject({ sync: "saved" });
  });

  it("when the database can't be read afterwards; it is sent all the same once it can", async () => {
    let failing = false;
    const stores = memoryStores();
    const openStore = async (name: string): Promise<LocalStore> => {
      const store = await stores(name);
      const read: LocalStore["read"] = (run) => {
        if (failing) throw new DOMException("the database was lost", "UnknownError");
        return store.read(run);
      };
      return { ...store, read };
    };
    const host = w.host("a", { openStore });
    const a = await open("a", {}, host);
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    failing = true;
    // another tab's commit, that this one was not told of: the view must read
    const other = await openStore("tillwire:shop-1");
    await other.write("relaxed", async (tx) => {
      const local = (await tx.meta("local"))!;
      tx.setMeta("local", { ...local, revision: local.revision + 1 });
    });
    await expect(a.collection(notes).put({ id: "n1", text: "tea" })).resolves.toMatchObject({ sync: "sending" });
    failing = false;
    await w.time.until(() => w.server.records.has("notes/n1"), 20_000);
    expect(await a.collection(notes).get("n1")).toMatchObject({ sync: "synced" });
  });
});

it("a put that is durable is not refused because its link can't take it, and is sent over the next one", async () => {
  let failing = true;
  const live = w.server.openLink("a");
  const openLink: OpenLink = (url, events) => {
    const link = live(url, events);
    const send: typeof link.send = (message) => {
      if (failing && message.type === "push") throw new DOMException("still closing", "InvalidStateError");
      link.send(message);
    };
    return { ...link, send };
  };
  const a = await open("a", {}, w.host("a", { openLink: { "socket.io": openLink, websocket: openLink } }));
  const link = latest(a.link$);
  await w.time.until(() => link.value?.state === "live");
  await expect(a.collection(notes).put({ id: "n1", text: "tea" })).resolves.toMatchObject({ localId: "n1" });
  failing = false;
  w.server.cutAll();
  await w.time.until(() => w.server.records.has("notes/n1"));
});

it("what leaves as it is saved keeps to the size of a push", async () => {
  const a = await open("a");
  const link = latest(a.link$);
  const stats = latest(a.stats$);
  await w.time.until(() => link.value?.state === "live");
  const text = "x".repeat(100_000);
  const ids = Array.from({ length: 15 }, (_, i) => `n${i}`);
  await a.batch(() => ids.map((id) => ({ op: "put", collection: notes, data: { id, text } })));
  await w.time.until(() => stats.value?.pending === 0);
  for (const { writes } of w.server.pushes) expect(JSON.stringify(writes).length).toBeLessThan(LIMITS.pushBytes);
});

it("a first look into the database that fails is neither an unhandled rejection nor the end of the counts", async () => {
  const stores = memoryStores();
  let failing = true;
  const openStore = async (name: string): Promise<LocalStore> => {
    const store = await stores(name);
    const read: LocalStore["read"] = async (run) => {
      if (failing) throw new DOMException("the database was lost", "UnknownError");
      return store.read(run);
    };
    return { ...store, read };
  };
  const a = await open("a", {}, w.host("a", { openStore }));
  await w.time.settle();
  failing = false;
  const stats = latest(a.stats$);
  await w.time.advance(100);
  expect(stats.value).toMatchObject({ pending: 0 });
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

describe("HTTP", () => {
  async function polling(): Promise<Replica> {
    const a = await open("a", { live: [] });
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "polling");
    await w.time.advance(1_000);
    return a;
  }
  // Into the last request of a round: its push is over, the feed is being read.
  async function untilReading(): Promise<void> {
    const { length } = w.server.requests;
    while (!w.server.requests.slice(length).includes("GET /api/sync/pull")) await w.time.advance(1);
  }

  it("a write that comes while the feed is being read does not wait for the next interval", async () => {
    const a = await polling();
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await untilReading();
    await a.collection(notes).put({ id: "n2", text: "milk" });
    await w.time.advance(100);
    expect(w.server.records.has("notes/n2")).toBe(true);
  });

  it("syncNow offers what waits, also when it joins a round that has pushed already", async () => {
    const a = await polling();
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await untilReading();
    await a.collection(notes).put({ id: "n2", text: "milk" });
    const done = a.syncNow();
    await w.time.advance(1_000);
    expect(await done).toMatchObject({ pending: 0 });
    expect(await textOf(a, "n2")).toBe("milk");
  });
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

it("after a power cut that took back the mark `sent`, an edit does not conflict with the sale it was made on (trap 15)", async () => {
  const stores = memoryStores();
  const host = w.host("a", { openStore: stores });
  const a = await open("a", {}, host);
  const link = latest(a.link$);
  await w.time.until(() => link.value?.state === "live");
  const store = await stores("tillwire:shop-1");
  await a.collection(notes).put({ id: "n1", text: "tea" });
  const [saved] = await store.read((tx) => tx.outbox());
  await w.time.until(() => w.server.records.has("notes/n1"));
  await opened.pop()!.close();
  // relaxed txs are lost, the strict put is not
  await store.write("strict", async (tx) => tx.putOutbox({ ...saved!, state: "queued" }));
  w.server.liveUp = w.server.httpUp = false;
  const again = await open("a", {}, host);
  await again.collection(notes).put({ id: "n1", text: "tea, paid" });
  await again.collection(notes).put({ id: "n1", text: "tea, paid in cash" });
  w.server.liveUp = w.server.httpUp = true;
  const stats = latest(again.stats$);
  await w.time.until(() => stats.value?.pending === 0);
  expect(w.server.records.get("notes/n1")?.data).toMatchObject({ text: "tea, paid in cash" });
  expect([...w.server.records.values()].filter(({ collection }) => collection === "conflicts")).toEqual([]);
});
