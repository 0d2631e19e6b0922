/** A device that polls is as well known as one with a link. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import type { Environment } from "./environment.ts";
import { MemoryDatabase, openMemoryStore } from "./memory-store.ts";
import { latest, notes, noteWrite, world, type World } from "../test/fixtures.ts";

let w: World;
const opened: Replica[] = [];
beforeEach(() => {
  w = world();
});
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

async function poll(env?: Environment): Promise<Replica> {
  const replica = await w.open("a", { live: [] }, env);
  opened.push(replica);
  const link = latest(replica.link$);
  await w.time.until(() => link.value?.state === "polling" && (link.value.lastContactAt ?? 0) > 0);
  return replica;
}
const told = () => w.server.received.flatMap(({ message }) => (message.type === "status" ? [message] : []));

it("it tells how far it is and what waits on it, when something changed", async () => {
  const replica = await poll();
  await w.time.until(() => told().length === 1);
  w.server.reject = () => ({ code: "GUARD", message: "no" });
  await replica.collection(notes).put({ id: "n1", text: "tea" });
  await w.time.until(() => told().length === 2);
  expect(told()).toMatchObject([{ pending: 0, failed: 0, cursor: 0 }, { failed: 1 }]);
  w.server.put("b", noteWrite("n2", "of another", 1, { version: 0, hash: null }));
  await w.time.until(() => told().length === 3);
  expect(told().at(-1)).toMatchObject({ cursor: 1, digestsEqual: true });
});

it("L3: it tells nothing while nothing changes, but for its mark now and then", async () => {
  await poll();
  await w.time.advance(4 * 60_000);
  expect(told()).toHaveLength(1);
  await w.time.advance(10 * 60_000);
  expect(told().length).toBeLessThanOrEqual(4);
  expect(w.server.marks.get("a")).toMatchObject({ copied: false });
});

it("a copy of it that polls beside it is found, and both hear of it", async () => {
  const database = new MemoryDatabase();
  const first = await poll(w.host("a", { openStore: async () => openMemoryStore(database) }));
  await w.time.until(() => told().length === 1);
  const copy = new MemoryDatabase();
  for (const [name, row] of structuredClone(database.meta)) copy.meta.set(name, row);
  const second = await poll(w.host("a", { openStore: async () => openMemoryStore(copy) }));
  const seen = [latest(first.copied$), latest(second.copied$)];
  await w.time.until(() => seen.every(({ value }) => value === true), 30 * 60_000);
});

it("a server that knows of no such thing is polled all the same", async () => {
  const fetch = w.host("a").fetch;
  const env = w.host("a", {
    fetch: (url, init) =>
      url.endsWith("/status")
        ? Promise.resolve({ status: 404, headers: { get: () => null }, text: async () => "{}" })
        : fetch(url, init),
  });
  const replica = await poll(env);
  await replica.collection(notes).put({ id: "n1", text: "tea" });
  const stats = latest(replica.stats$);
  await w.time.until(() => stats.value?.pending === 0);
  expect(latest(replica.syncState$).value?.type).toBe("Success");
});
