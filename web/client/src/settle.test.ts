/** Settling conflicts: choices are writes like any other, and whatever becomes of them, nothing is lost and nobody is misled. */
import { beforeEach, describe, expect, it } from "vitest";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { Replica } from "./api.ts";
import { openWorldForEachTest } from "../test/each-world.ts";
import { identityOf, latest, noteWrite, notes, type Note, type World } from "../test/fixtures.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

/** a lost: it made n1 "mine" while somebody else made it "theirs". b is another register. */
let a: Replica;
let b: Replica;
let id: string;
beforeEach(async () => {
  w.server.policy = "MANUAL";
  [a, b] = [await open("a"), await open("b")];
  await put(a, "one");
  await synced();
  cable(false);
  others("theirs");
  await put(a, "mine");
  cable(true);
  await synced();
  ({ id } = conflict());
});

async function synced(...replicas: Replica[]): Promise<void> {
  const stats = (replicas.length > 0 ? replicas : [a, b]).map((replica) => latest(replica.stats$));
  await w.time.until(() => stats.every(({ value }) => value?.pending === 0 && value.digestsEqual === true));
  await w.time.advance(200);
}
function cable(up: boolean): void {
  w.server.liveUp = w.server.httpUp = up;
  if (!up) w.server.cutAll();
}
function others(text: string): void {
  const { syncVersion: version, hash } = w.server.records.get("notes/n1")!;
  w.server.put("x", noteWrite("n1", text, version + 1, { version, hash }));
  w.server.publish();
}
const put = (replica: Replica, text: string, options: object = {}) =>
  replica.collection(notes).put({ id: "n1", text }, options);
const see = (replica: Replica, localId = "n1") => replica.collection(notes).get(localId);
function conflict(): ConflictData {
  const all = [...w.server.records.values()].filter(({ collection }) => collection === "conflicts");
  expect(all).toHaveLength(1);
  return all[0]!.data as ConflictData;
}
const stored = (localId = "n1") => w.server.records.get(`notes/${localId}`);
const outbox = async (replica: Replica) => JSON.parse(await replica.exportOutbox()).rows as { resolves?: string }[];

/** Every text of n1 that a person saw from now on. */
function texts(replica: Replica): string[] {
  const seen: string[] = [];
  replica
    .collection(notes)
    .record$("n1")
    .subscribe((record) => {
      const text = record?.data.text ?? "none";
      if (seen.at(-1) !== text) seen.push(text);
    });
  return seen;
}

describe.each(["a", "b"])("settled on %s", (name) => {
  const chooser = (): Replica => (name === "a" ? a : b);

  it("server: the server's value stays, without a new version", async () => {
    const { syncVersion } = stored()!;
    expect(await chooser().settle(id, "server")).toBe("n1");
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "SERVER", settledBy: name });
    expect(stored()).toMatchObject({ syncVersion, data: { text: "theirs" } });
    for (const one of [a, b]) expect(await see(one)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
  });

  it("client: the losing side is taken", async () => {
    await chooser().settle(id, "client");
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "CLIENT" });
    for (const one of [a, b]) expect(await see(one)).toMatchObject({ data: { text: "mine" }, sync: "synced" });
  });

  it("both: the losing side becomes a record of its own", async () => {
    const kept = await chooser().settle(id, "both");
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "BOTH", keptAs: kept });
    for (const one of [a, b]) {
      expect(await see(one)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
      expect(await see(one, kept)).toMatchObject({ data: { id: kept, text: "mine" }, sync: "synced" });
    }
  });

  it("a value made of both, or none at all", async () => {
    await chooser().settle(id, { data: { id: "n1", text: "of both" } });
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "MERGED" });
    for (const one of [a, b]) expect(await see(one)).toMatchObject({ data: { text: "of both" }, sync: "synced" });
  });

  it("as a deletion", async () => {
    await chooser().settle(id, { data: null });
    await synced();
    expect(conflict()).toMatchObject({ status: "settled" });
    for (const one of [a, b]) expect(await see(one)).toBeUndefined();
  });

  it.each(["server", "client", "both"] as const)(
    "%s: what was chosen is seen at once, and nothing flickers",
    async (choice) => {
      const seen = texts(chooser());
      await w.time.settle();
      seen.splice(0);
      w.server.dropFrames = true;
      await chooser().settle(id, choice);
      const stats = latest(chooser().stats$);
      await w.time.until(() => stats.value?.pending === 0);
      await w.time.advance(500);
      w.server.dropFrames = false;
      await synced();
      const expected = choice === "client" ? "mine" : "theirs";
      expect(seen.filter((text) => text !== expected)).toEqual([]);
      expect((await see(chooser()))!.data.text).toBe(expected);
    },
  );
});

describe("too late", () => {
  it("somebody was faster: what stands is shown, and the conflict keeps the attempt", async () => {
    cable(false);
    await a.settle(id, { data: { id: "n1", text: "chosen on a" } });
    expect(await see(a)).toMatchObject({ data: { text: "chosen on a" }, sync: "saved" });
    const { syncVersion, hash, data } = stored()!;
    const position = { version: syncVersion, hash };
    w.server.decide("b", { ...noteWrite("n1", "theirs", syncVersion + 1, position), hash, data, resolves: id });
    const seen = texts(a);
    cable(true);
    await synced();
    expect(seen).toEqual(["chosen on a", "theirs"]);
    expect(await see(a)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
    expect(conflict()).toMatchObject({
      ...{ status: "settled", settlement: "SERVER", settledBy: "b" },
      attempts: [{ deviceId: "a", data: { text: "chosen on a" } }],
    });
    expect(await outbox(a)).toEqual([]);
  });

  it("the record had gone on: the conflict stays open beside the newer value, and a second choice settles it", async () => {
    cable(false);
    await b.settle(id, "client");
    others("theirs, later");
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ status: "open", server: { data: { text: "theirs, later" } } });
    expect(conflict().attempts).toMatchObject([{ deviceId: "b", data: { text: "mine" } }]);
    expect(await see(a)).toMatchObject({ data: { text: "mine" }, sync: "attention", conflict: id });
    expect(await see(b)).toMatchObject({ data: { text: "theirs, later" }, sync: "synced" });
    await b.settle(id, "client");
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "CLIENT" });
  });

  it("a choice about what the person looked at, though the record has gone on, overwrites nothing", async () => {
    const { server } = conflict();
    others("theirs, later");
    await synced();
    await a.settle(id, "client", { readAt: { version: server.syncVersion, hash: server.hash } });
    await synced();
    expect(stored()).toMatchObject({ data: { text: "theirs, later" } });
    expect(conflict()).toMatchObject({ status: "open" });
  });

  it("both sides kept by two people at once: one record more, not two", async () => {
    cable(false);
    const [one, two] = [await a.settle(id, "both"), await b.settle(id, "both")];
    expect(await see(a, one)).toMatchObject({ data: { text: "mine" }, sync: "saved" });
    cable(true);
    await synced();
    expect([stored(one), stored(two)].filter(Boolean)).toHaveLength(1);
    for (const replica of [a, b]) expect(await replica.collection(notes).query()).toHaveLength(2);
  });
});

describe("on one device", () => {
  it("who chooses again before the first choice was sent has chosen once", async () => {
    cable(false);
    await a.settle(id, "client");
    await a.settle(id, "server");
    expect(await outbox(a)).toMatchObject([{ resolves: id, data: { text: "theirs" } }]);
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "SERVER" });
    expect(conflict()).not.toHaveProperty("attempts");
  });

  it("keeping both takes the place of another choice, and the other way round", async () => {
    cable(false);
    await a.settle(id, "client");
    const first = await a.settle(id, "both");
    expect(await outbox(a)).toMatchObject([{ resolves: id, localId: first }]);
    await a.settle(id, "client");
    expect(await outbox(a)).toMatchObject([{ resolves: id, localId: "n1" }]);
    expect(await see(a, first)).toBeUndefined();
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "CLIENT" });
  });

  it("a second choice behind one that is on its way is an edit of what the first one settled", async () => {
    await a.settle(id, "client");
    await w.time.advance(4);
    await a.settle(id, { data: { id: "n1", text: "on second thoughts" } });
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "CLIENT" });
    expect(stored()).toMatchObject({ data: { text: "on second thoughts" } });
  });

  it("S8: an edit that waits is sent before the choice, so that the conflict keeps it", async () => {
    cable(false);
    await put(a, "mine, further");
    await a.settle(id, "server");
    expect(await see(a)).toMatchObject({ data: { text: "theirs" }, sync: "saved" });
    expect(await outbox(a)).toHaveLength(2);
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ settlement: "SERVER", client: { data: { text: "mine, further" } } });
    expect(stored()).toMatchObject({ data: { text: "theirs" } });
  });

  it("the own side is what the person sees of it: with the edits that wait", async () => {
    cable(false);
    await put(a, "mine, further");
    await a.settle(id, "client");
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "CLIENT" });
    expect(stored()).toMatchObject({ data: { text: "mine, further" } });
  });

  it("S8: an unsent edit of the server's value is no part of somebody else's conflict, and not lost by settling it", async () => {
    cable(false);
    await put(b, "theirs, edited on b");
    await b.settle(id, "server");
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ status: "settled" });
    expect(stored()).toMatchObject({ data: { text: "theirs, edited on b" } });
  });

  it("an edit of a choice that waits settles the conflict all the same", async () => {
    cable(false);
    await a.settle(id, "client");
    await put(a, "mine, after the choice");
    expect(await outbox(a)).toMatchObject([{ resolves: id }]);
    cable(true);
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "MERGED" });
    expect(stored()).toMatchObject({ data: { text: "mine, after the choice" } });
  });

  it.each(["server", "client", "both"] as const)(
    "S8: an edit of a choice that waits outlives the next choice: %s",
    async (choice) => {
      cable(false);
      await a.settle(id, "client");
      await put(a, "after the choice");
      await a.settle(id, choice);
      cable(true);
      await synced();
      const everKept = w.server.pushes.flatMap(({ writes }) => writes.map(({ data }) => (data as Note).text));
      expect(everKept).toContain("after the choice");
      expect(conflict()).toMatchObject({ status: "settled" });
      if (choice !== "both")
        expect(stored()).toMatchObject({ data: { text: choice === "server" ? "theirs" : "mine" } });
    },
  );

  it("a choice put by hand, in a form that was opened on the own side, is made on the server's value", async () => {
    const { readAt } = (await see(a))!;
    await put(a, "mine, in a form", { readAt, resolves: id });
    await synced();
    expect(conflict()).toMatchObject({ status: "settled" });
    expect(stored()).toMatchObject({ data: { text: "mine, in a form" } });
  });

  it("a choice that is rejected stays visible, is retried or discarded, and the conflict stays in the inbox", async () => {
    w.server.reject = (write) => (write.resolves ? { code: "GUARD", message: "no" } : null);
    await a.settle(id, "client");
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.failed === 1);
    expect(await see(a)).toMatchObject({ sync: "attention", error: { code: "GUARD" }, conflict: id });
    expect((await a.collection(conflicts).get(id))?.data.status).toBe("open");
    const [{ key } = { key: 0 }] = latest(a.outbox$).value ?? JSON.parse(await a.exportOutbox()).rows;
    await a.retryRejected(key);
    await w.time.until(() => stats.value?.failed === 1);
    await a.discardRejected(key);
    expect(await see(a)).toMatchObject({ data: { text: "mine" }, sync: "attention", conflict: id });
    w.server.reject = () => null;
    await a.settle(id, "client");
    await synced();
    expect(conflict()).toMatchObject({ status: "settled", settlement: "CLIENT" });
  });

  it("a choice outlives a restart without a network", async () => {
    cable(false);
    await a.settle(id, "server");
    await a.close();
    const again = await open("a");
    expect(await see(again)).toMatchObject({ data: { text: "theirs" }, sync: "saved" });
    cable(true);
    await synced(again, b);
    expect(conflict()).toMatchObject({ status: "settled", settlement: "SERVER" });
  });

  it("who may not write the collection may not settle its conflicts, and unknown ones can't be settled", async () => {
    const display = await open("c", { identity: identityOf("c", "display") });
    await synced(display);
    await expect(display.settle(id, "server")).rejects.toMatchObject({ code: "ROLE" });
    await expect(a.settle("c-none", "server")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(a.settle(id, { data: { id: "n1" } })).rejects.toMatchObject({ code: "SCHEMA" });
    expect(await outbox(display)).toEqual([]);
  });
});

describe("no livelock", () => {
  it("however busy the record is, each write is sent once, and ends with a person", async () => {
    for (let round = 0; round < 10; round++) {
      others(`busy ${round}`);
      await put(a, `mine ${round}`);
      if (round === 5) await b.settle(id, "client", { readAt: { version: 1, hash: null } });
      await w.time.advance(round * 3);
    }
    await synced();
    const sent = w.server.pushes.flatMap(({ deviceId, writes }) => writes.map((write) => [deviceId, write] as const));
    const tries = new Map<string, number>();
    for (const [deviceId, { localId, syncVersion, hash, base }] of sent) {
      const asSent = JSON.stringify([deviceId, localId, syncVersion, hash, base]);
      tries.set(asSent, (tries.get(asSent) ?? 0) + 1);
    }
    expect(Math.max(...tries.values())).toBe(1);
    // the first of the test's set-up, and at most one for each edit and each choice
    expect(sent.length).toBeLessThanOrEqual(2 + 10 + 1);
    expect(conflict()).toMatchObject({ status: "open", client: { data: { text: "mine 9" } } });
    const before = w.server.pushes.length;
    await w.time.advance(600_000);
    expect(w.server.pushes).toHaveLength(before);
  });
});
