/** Several tabs of one device: one leads, all show the same truth. */
import { afterEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import type { Environment } from "./environment.ts";
import { checkFence, LEASE_MS, takeLease } from "./leader.ts";
import { openMemoryStore } from "./memory-store.ts";
import { entries, latest, notes, textOf, world, type World } from "../test/fixtures.ts";
import { VirtualChannels, VirtualLocks } from "../test/virtual-host.ts";

const opened: Replica[] = [];
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

const hosts: [string, () => Partial<Environment>][] = [
  ["with locks and channels", () => ({ openChannel: new VirtualChannels().open, locks: new VirtualLocks() })],
  ["with channels alone", () => ({ openChannel: new VirtualChannels().open })],
  ["with nothing but the database", () => ({})],
];

describe.each(hosts)("%s", (name, parts) => {
  async function twoTabs(): Promise<{ w: World; first: Replica; second: Replica; env: Environment }> {
    const w = world();
    const env = w.host("a", parts());
    const first = await w.open("a", {}, env);
    const link = latest(first.link$);
    await w.time.until(() => link.value?.state === "live");
    const second = await w.open("a", {}, env);
    opened.push(first, second);
    await w.time.advance(2_000);
    return { w, first, second, env };
  }

  it("one tab leads; a put in the other is sent by it", async () => {
    const { w, first, second } = await twoTabs();
    expect(latest(first.link$).value?.leader).toBe(true);
    expect(latest(second.link$).value?.leader).toBe(false);
    expect(w.server.sessions.size).toBe(1);
    await second.collection(notes).put({ id: "n1", text: "from the second" });
    await w.time.advance(2_000);
    expect(w.server.records.get("notes/n1")?.data).toMatchObject({ text: "from the second" });
    expect(await textOf(first, "n1")).toBe("from the second");
    expect(await second.collection(notes).get("n1")).toMatchObject({ sync: "synced" });
  });

  it("what the leader receives, the other tab's observables show", async () => {
    const { w, first, second } = await twoTabs();
    const seen = latest(second.collection(notes).records$);
    const stats = latest(second.stats$);
    await first.collection(notes).put({ id: "n1", text: "one" });
    await w.time.advance(2_000);
    await first.collection(notes).put({ id: "n1", text: "two" });
    await w.time.advance(2_000);
    expect(seen.value).toMatchObject([{ data: { text: "two" }, sync: "synced" }]);
    expect(stats.value).toMatchObject({ pending: 0, digestsEqual: true });
  });

  it("S2 when the leader closes, the other takes over, and nothing is sent twice with another meaning", async () => {
    const { w, first, second } = await twoTabs();
    w.server.dropResults = true;
    await first.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.advance(100);
    await first.close();
    w.server.dropResults = false;
    const link = latest(second.link$);
    await w.time.until(() => link.value?.leader === true && link.value.state === "live");
    const stats = latest(second.stats$);
    await w.time.until(() => stats.value?.pending === 0);
    expect(w.server.pushes[1]?.writes).toEqual(w.server.pushes[0]?.writes);
    expect(w.server.records.get("notes/n1")?.seq).toBe(1);
  });

  it("numbers given in two tabs at once never meet", async () => {
    const { first, second } = await twoTabs();
    const sell = (replica: Replica, id: string) =>
      replica.batch((numbers) => [
        { op: "put", collection: notes.name, data: { id, text: numbers.next("order") } },
        { op: "put", collection: entries.name, data: { id, text: numbers.next("payment") } },
      ]);
    const sold = await Promise.all(Array.from({ length: 10 }, (_, i) => sell(i % 2 === 0 ? first : second, `n${i}`)));
    const numbers = sold.map(([order]) => (order!.data as { text: string }).text);
    expect([...numbers].sort()).toEqual(Array.from({ length: 10 }, (_, i) => `K7-${String(i + 1).padStart(6, "0")}`));
  });

  if (name !== "with nothing but the database") {
    it("syncNow in a tab that does not lead is done by the one that does", async () => {
      const { w, second } = await twoTabs();
      await second.collection(notes).put({ id: "n1", text: "tea" });
      const done = second.syncNow();
      await w.time.advance(1_000);
      expect(await done).toMatchObject({ pending: 0 });
      expect(latest(second.link$).value).toMatchObject({ state: "live", leader: false });
    });
  }
});

describe("the lease", () => {
  it("is taken when free or run out, never from a live holder, and every change of hands raises the fence", async () => {
    const store = openMemoryStore();
    expect(await takeLease(store, "a", 1_000, false)).toBe(1);
    expect(await takeLease(store, "b", 2_000, false)).toBeNull();
    expect(await takeLease(store, "a", 5_000, false)).toBe(1);
    expect(await takeLease(store, "b", 5_000 + LEASE_MS, false)).toBe(2);
    expect(await takeLease(store, "c", 6_000, true)).toBe(3);
    await expect(store.read((tx) => checkFence(tx, 2))).rejects.toThrow();
    await store.read((tx) => checkFence(tx, 3));
  });

  it("a clock that was set back does not make it last for ever", async () => {
    const store = openMemoryStore();
    await takeLease(store, "a", 1_000_000_000, false);
    expect(await takeLease(store, "b", 1_000, false)).toBe(2);
  });

  it("a tab that was frozen while another took the lease writes nothing and steps back", async () => {
    const w = world();
    const env = w.host("a");
    const replica = await w.open("a", {}, env);
    opened.push(replica);
    const link = latest(replica.link$);
    await w.time.until(() => link.value?.state === "live");
    const store = await env.openStore("tillwire:shop-1");
    await takeLease(store, "other tab", w.time.now, true);
    await replica.collection(notes).put({ id: "n1", text: "saved all the same" });
    await w.time.advance(1_000);
    expect(w.server.pushes).toEqual([]);
    expect(await textOf(replica, "n1")).toBe("saved all the same");
    await w.time.until(() => w.server.records.has("notes/n1"), 60_000);
  });
});
