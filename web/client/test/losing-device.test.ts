/** Open conflicts at the edges: versions that would fall, choices and restores at once, tabs that lag behind. */
import { beforeEach, describe, expect, it } from "vitest";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { Replica } from "../src/api.ts";
import { openWorldForEachTest } from "./each-world.ts";
import { latest, noteWrite, notes, type World } from "./fixtures.ts";
import { VirtualChannels } from "./virtual-host.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));
let a: Replica;
let b: Replica;

beforeEach(async () => {
  w.server.policy = "MANUAL";
  [a, b] = [await open("a"), await open("b")];
  await put(a, "one");
  await synced();
});

async function synced(...replicas: Replica[]): Promise<void> {
  const stats = (replicas.length > 0 ? replicas : [a, b]).map((replica) => latest(replica.stats$));
  await w.time.until(() => stats.every(({ value }) => value?.pending === 0 && value.digestsEqual === true));
  await w.time.advance(200);
}
async function answered(replica: Replica): Promise<void> {
  const stats = latest(replica.stats$);
  await w.time.until(() => stats.value?.pending === 0);
  await w.time.advance(300);
}
function cable(up: boolean): void {
  w.server.liveUp = w.server.httpUp = up;
  if (!up) w.server.cutAll();
}
function frames(pass: boolean): void {
  w.server.dropFrames = !pass;
  if (pass) w.server.publish();
}
function others(text: string): void {
  const { syncVersion: version, hash } = w.server.records.get("notes/n1")!;
  w.server.put("x", noteWrite("n1", text, version + 1, { version, hash }));
  w.server.publish();
}
const put = (replica: Replica, text: string, options: object = {}) =>
  replica.collection(notes).put({ id: "n1", text }, options);
const see = (replica: Replica) => replica.collection(notes).get("n1");
const inboxOf = async (replica: Replica) => (await replica.collection(conflicts).query()).map(({ data }) => data);
function inbox(): ConflictData[] {
  const all = [...w.server.records.values()].filter(({ collection }) => collection === "conflicts");
  return all.map(({ data }) => data as ConflictData);
}
const stored = () => w.server.records.get("notes/n1")!;
const outbox = async (replica: Replica) => JSON.parse(await replica.exportOutbox()).rows as { resolves?: string }[];
/** As [localId, syncVersion] or, of what is offered again, with "again". */
function pushedSince(count: number): unknown[] {
  const writes = w.server.pushes.slice(count).flatMap((push) => push.writes);
  return writes.map(({ localId, syncVersion, reoffer }) => [localId, syncVersion, ...(reoffer ? ["again"] : [])]);
}

/** a made n1 "mine" while somebody else made it "theirs". @returns the conflict's localId */
async function lose(edit: () => Promise<unknown> = () => put(a, "mine")): Promise<string> {
  cable(false);
  others("theirs");
  await edit();
  cable(true);
  await synced();
  return inbox()[0]!.id;
}

describe("the versions of the losing device's edits rise, whatever they are made on", () => {
  it("saved in a form that was opened before it all", async () => {
    const { readAt } = (await see(a))!;
    await lose();
    frames(false);
    await put(a, "mine, in an old form", { readAt });
    await answered(a);
    expect(inbox()).toMatchObject([{ client: { syncVersion: 3, data: { text: "mine, in an old form" } } }]);
    expect(await see(a)).toMatchObject({ data: { text: "mine, in an old form" }, sync: "attention" });
  });

  it("S5: made on the server's value, after a deletion that lost, with both results before any frame", async () => {
    cable(false);
    others("theirs");
    for (const text of ["mine 1", "mine 2"]) await put(a, text);
    await a.collection(notes).delete("n1");
    frames(false);
    cable(true);
    await answered(a);
    const { readAt } = (await see(a))!;
    others("theirs, later");
    await put(a, "theirs, corrected", { readAt });
    await answered(a);
    expect((await see(a))!.data.text).toBe("theirs, corrected");
    frames(true);
    await synced();
    expect(inbox()).toMatchObject([{ status: "open", client: { data: { text: "theirs, corrected" } } }]);
    expect(await see(a)).toMatchObject({ data: { text: "theirs, corrected" }, sync: "attention" });
    expect(await inboxOf(a)).toEqual(inbox());
  });

  it("also in a tab that knows nothing of the conflict yet", async () => {
    const env = w.host("a2", { openChannel: new VirtualChannels().open });
    const first = await open("a2", {}, env);
    await first.collection(notes).get("n1");
    await synced(first);
    cable(false);
    others("theirs");
    await put(first, "mine");
    cable(true);
    await synced(first);
    const { syncVersion } = (await see(first))!;
    const tab = await open("a2", {}, env);
    await tab.collection(notes).delete("n1");
    await synced(first, tab);
    expect(inbox()).toMatchObject([{ client: { deleted: true, syncVersion: syncVersion + 1 } }]);
    const third = await open("a2", {}, env);
    expect(await put(third, "theirs, corrected")).toMatchObject({ syncVersion: syncVersion + 2 });
    await synced(first, tab, third);
    expect(stored()).toMatchObject({ data: { text: "theirs, corrected" } });
  });
});

describe("restores", () => {
  it("S7: what is offered again goes before the edits that were made on it, also while pages are still read", async () => {
    const { head } = w.server;
    await put(a, "two");
    for (let i = 0; i < 5; i++) await b.collection(notes).put({ id: `m${i}`, text: "of b" });
    await synced();
    await b.close();
    cable(false);
    await put(a, "three");
    // the server lost "two", and nothing else
    const one = { ...stored(), ...noteWrite("n1", "one", 1, null), syncVersion: 1, seq: 1 };
    const { head: former } = w.server;
    const kept = [...w.server.records.values()].filter(({ localId }) => localId !== "n1");
    w.server.restore(head);
    for (const record of [one, ...kept]) w.server.records.set(`notes/${record.localId}`, record);
    w.server.head = former;
    w.server.pageSize = 1;
    const { length } = w.server.pushes;
    cable(true);
    await synced(a);
    expect(pushedSince(length)).toEqual([
      ["n1", 2, "again"],
      ["n1", 3],
    ]);
    expect(stored()).toMatchObject({ data: { text: "three" } });
    expect(inbox()).toEqual([]);
  });

  it("S8: what the server lost is offered again, also where somebody has made the same version anew", async () => {
    const { head } = w.server;
    await put(a, "two, lost");
    await synced();
    await b.close();
    cable(false);
    w.server.restore(head);
    w.server.put("x", noteWrite("n1", "one", 1, null));
    others("two, anew");
    expect(stored()).toMatchObject({ syncVersion: 2 });
    const { length } = w.server.pushes;
    cable(true);
    await w.time.until(() => w.server.pushes.length > length);
    await synced(a);
    expect(pushedSince(length)).toEqual([["n1", 2, "again"]]);
  });

  it("S7: over HTTP alone, also after a start in the midst of it", async () => {
    const { head } = w.server;
    for (const replica of [a, b]) await replica.close();
    a = await open("a", { live: [] });
    await put(a, "two");
    await synced(a);
    w.server.httpUp = false;
    await put(a, "three");
    w.server.restore(head);
    w.server.put("x", noteWrite("n1", "one", 1, null));
    for (let i = 0; i < 5; i++) w.server.put("x", noteWrite(`m${i}`, "of x", 1, null));
    w.server.pageSize = 1;
    const { length } = w.server.pushes;
    const { length: asked } = w.server.requests;
    w.server.httpUp = true;
    // one page of the fresh base has been read, and not the others
    await w.time.until(() => w.server.requests.length >= asked + 4);
    await a.close();
    expect(pushedSince(length)).toEqual([]);
    a = await open("a", { live: [] });
    // in its first round
    await w.time.until(() => w.server.pushes.length >= length + 2, 10_000);
    await synced(a);
    expect(pushedSince(length)).toEqual([
      ["n1", 2, "again"],
      ["n1", 3],
    ]);
    expect(stored()).toMatchObject({ data: { text: "three" } });
  });

  it("a choice that waits comes after the side that it is about, and the inbox is the server's (S5)", async () => {
    const id = await lose();
    const { head } = w.server;
    cable(false);
    await a.settle(id, "server");
    w.server.restore(head - 1);
    w.server.pageSize = 1;
    const { length } = w.server.pushes;
    cable(true);
    await synced();
    expect(pushedSince(length)).toEqual([
      ["n1", 2],
      ["n1", 3],
    ]);
    expect(await inboxOf(a)).toEqual(inbox());
    expect(inbox()).toMatchObject([{ client: { data: { text: "mine" } } }]);
  });

  it("S8: the latest edit of a side is sent again, though an earlier one was settled in the new epoch", async () => {
    const id = await lose();
    const { head } = w.server;
    const earlier = w.server.records.get(`conflicts/${id}`)!;
    await put(a, "mine, later");
    await synced();
    cable(false);
    w.server.restore(head);
    w.server.records.set(`conflicts/${id}`, earlier);
    const { syncVersion: version, hash } = stored();
    w.server.decide("b", { ...noteWrite("n1", "theirs", version + 1, { version, hash }), resolves: id });
    expect(inbox()).toMatchObject([{ status: "settled" }]);
    cable(true);
    await w.time.advance(5_000);
    await synced();
    expect(inbox()).toMatchObject([
      { status: "settled" },
      { status: "open", client: { data: { text: "mine, later" } } },
    ]);
    expect(await see(a)).toMatchObject({ data: { text: "mine, later" }, sync: "attention" });
  });

  it("the same side is not sent again when it was settled in the new epoch", async () => {
    const id = await lose();
    const { head } = w.server;
    cable(false);
    const kept = w.server.records.get(`conflicts/${id}`)!;
    w.server.restore(head);
    w.server.records.set(`conflicts/${id}`, kept);
    const { syncVersion: version, hash } = stored();
    w.server.decide("b", { ...noteWrite("n1", "theirs", version + 1, { version, hash }), resolves: id });
    const { length } = w.server.pushes;
    cable(true);
    await w.time.advance(5_000);
    await synced();
    expect(pushedSince(length)).toEqual([]);
    expect(await see(a)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
  });

  it("what this device knows to be settled is not asked about again, though no frame had told of it", async () => {
    const id = await lose();
    frames(false);
    await a.settle(id, "server");
    await answered(a);
    expect(await inboxOf(a)).toMatchObject([{ status: "settled" }]);
    const { seq } = w.server.history.find(({ collection }) => collection === "conflicts")!;
    w.server.restore(seq - 1);
    frames(true);
    w.server.cutAll();
    await w.time.advance(5_000);
    await synced();
    expect(inbox()).toEqual([]);
    expect(await inboxOf(a)).toEqual([]);
  });
});

it("what is open decides how its record is shown, so it never leaves the memory", async () => {
  const inSight = { [conflicts.name]: () => [] };
  const c = await open("c", { inSight });
  await c.collection(notes).get("n1");
  await synced(c);
  cable(false);
  others("theirs");
  await put(c, "mine");
  cable(true);
  await synced(c);
  const [{ id } = { id: "" }] = await inboxOf(c);
  w.server.reject = (write) => (write.resolves ? { code: "GUARD", message: "no" } : null);
  await c.settle(id, "server");
  const stats = latest(c.stats$);
  await w.time.until(() => stats.value?.failed === 1);
  await c.discardRejected(latest(c.outbox$).value?.[0]?.key ?? JSON.parse(await c.exportOutbox()).rows[0].key);
  await w.time.settle();
  expect(await see(c)).toMatchObject({ data: { text: "mine" }, sync: "attention", conflict: id });
  w.server.reject = () => null;
  await c.settle(id, "server");
  await synced(c);
  expect(await inboxOf(c)).toEqual([]);
});

describe("choices", () => {
  it.each([
    ["client", "both"],
    ["both", "both"],
    ["both", "server"],
  ] as const)("of two made at once in two tabs (%s, %s), one is sent", async (one, two) => {
    const channels = new VirtualChannels();
    const env = w.host("a2", { openChannel: channels.open });
    const [first, second] = [await open("a2", {}, env), await open("a2", {}, env)];
    const id = await lose();
    await synced(first, second);
    cable(false);
    await Promise.all([first.settle(id, one), second.settle(id, two)]);
    expect(await outbox(first)).toHaveLength(1);
    cable(true);
    await synced(a, b, first, second);
    expect(inbox()).toMatchObject([{ status: "settled" }]);
    expect(await first.collection(notes).query()).toHaveLength(two === "both" ? 2 : 1);
  });
});
