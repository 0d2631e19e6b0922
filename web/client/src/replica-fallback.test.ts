/** HTTP where no live link can be had, and back; over virtual time. */
import { describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { COLLECTIONS, latest, noteWrite, notes, textOf, type World } from "../test/fixtures.ts";
import { openWorldForEachTest } from "../test/each-world.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

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
