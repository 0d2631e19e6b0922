/** A put that is durable is never refused, and is sent whatever else fails. */
import { describe, expect, it } from "vitest";
import { memoryStores } from "./memory-store.ts";
import { latest, notes, type World } from "../test/fixtures.ts";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Channel } from "./environment.ts";
import type { LocalStore } from "./local-store.ts";
import type { OpenLink } from "./transports/link.ts";
import { openWorldForEachTest } from "../test/each-world.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

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
  await a.close();
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
