/** Open conflicts on the devices: who sees which side, when, and that nothing flickers or vanishes on the way. */
import { beforeEach, describe, expect, it } from "vitest";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { Replica, ReplicaRecord } from "./api.ts";
import { openWorldForEachTest } from "../test/each-world.ts";
import { identityOf, latest, noteWrite, notes, textOf, type Note, type World } from "../test/fixtures.ts";
import { VirtualChannels } from "../test/virtual-host.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

beforeEach(() => void (w.server.policy = "MANUAL"));

async function synced(...replicas: Replica[]): Promise<void> {
  const stats = replicas.map((replica) => latest(replica.stats$));
  await w.time.until(() => stats.every(({ value }) => value?.pending === 0 && value.digestsEqual === true));
  await w.time.advance(200);
}

function cable(up: boolean): void {
  w.server.liveUp = w.server.httpUp = up;
  if (!up) w.server.cutAll();
}

/** What a person sees of n1 from now on, one line for every change. */
function watch(replica: Replica): string[] {
  const seen: string[] = [];
  replica
    .collection(notes)
    .record$("n1")
    .subscribe((record) => {
      const line = record ? `${record.data.text} ${record.sync}` : "none";
      if (seen.at(-1) !== line) seen.push(line);
    });
  return seen;
}

const seenBy = (replica: Replica): Promise<ReplicaRecord<Note> | undefined> => replica.collection(notes).get("n1");

/** The server's conflicts, as they stand. */
function inbox(): ConflictData[] {
  const all = [...w.server.records.values()].filter(({ collection }) => collection === "conflicts");
  return all.map(({ data }) => data as ConflictData);
}

/** Somebody else changes n1 on the server. */
function others(text: string): void {
  const current = w.server.records.get("notes/n1")!;
  const { syncVersion: version, hash } = current;
  w.server.put("x", noteWrite("n1", text, version + 1, { version, hash }));
  w.server.publish();
}

function othersDelete(): void {
  const { syncVersion: version, hash } = w.server.records.get("notes/n1")!;
  const tombstone = { op: "delete" as const, hash: "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b" };
  w.server.put("x", { ...noteWrite("n1", "", version + 1, { version, hash }), ...tombstone, data: null });
  w.server.publish();
}

/** n1 is "one" on both devices; then a edits it without a network, while somebody else makes it "theirs". */
async function clash(edit: (a: Replica) => Promise<unknown> = (a) => put(a, "mine")): Promise<[Replica, Replica]> {
  const [a, b] = [await open("a"), await open("b")];
  await put(a, "one");
  await synced(a, b);
  cable(false);
  others("theirs");
  await edit(a);
  return [a, b];
}

async function lostBy(edit?: (a: Replica) => Promise<unknown>): Promise<[Replica, Replica, ConflictData]> {
  const [a, b] = await clash(edit);
  cable(true);
  await synced(a, b);
  return [a, b, inbox()[0]!];
}

const put = (replica: Replica, text: string, options: object = {}) =>
  replica.collection(notes).put({ id: "n1", text }, options);

describe("the losing device", () => {
  it("shows its own edit as one that needs attention, all others the server's value", async () => {
    const [a, b, { id }] = await lostBy();
    expect(inbox()).toMatchObject([{ status: "open", client: { data: { text: "mine" } } }]);
    expect(await seenBy(a)).toMatchObject({ data: { text: "mine" }, sync: "attention", conflict: id, deviceId: "a" });
    expect((await seenBy(a))?.server).toMatchObject({ data: { text: "theirs" }, deviceId: "x" });
    expect(await seenBy(b)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
    expect(await seenBy(b)).not.toHaveProperty("conflict");
  });

  it("never shows the server's value between result and frame", async () => {
    const [a] = await clash();
    const seen = watch(a);
    w.server.dropFrames = true;
    cable(true);
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.pending === 0);
    await w.time.advance(500);
    expect(await seenBy(a)).toMatchObject({ data: { text: "mine" }, sync: "attention" });
    w.server.dropFrames = false;
    await synced(a);
    expect(new Set(seen.map((line) => line.split(" ")[0]))).toEqual(new Set(["mine"]));
    expect(seen.at(-1)).toBe("mine attention");
  });

  it("shows it after a restart without a network, whatever is looked at first", async () => {
    const [a] = await clash();
    w.server.dropFrames = true;
    cable(true);
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.pending === 0);
    await a.close();
    cable(false);
    const again = await open("a");
    expect(await seenBy(again)).toMatchObject({ data: { text: "mine" }, sync: "attention" });
    w.server.dropFrames = false;
    cable(true);
    await synced(again);
    expect(await seenBy(again)).toMatchObject({ data: { text: "mine" }, sync: "attention" });
    expect((await again.collection(conflicts).query()).map(({ data }) => data)).toEqual(inbox());
  });

  it("shows it in every tab", async () => {
    const env = w.host("a", { openChannel: new VirtualChannels().open });
    const [a, tab] = [await open("a", {}, env), await open("a", {}, env)];
    await put(a, "one");
    await synced(a, tab);
    cable(false);
    others("theirs");
    await put(tab, "mine");
    cable(true);
    await synced(a, tab);
    for (const one of [a, tab]) expect(await seenBy(one)).toMatchObject({ data: { text: "mine" }, sync: "attention" });
    // a tab that knows nothing yet saves on its own side all the same
    const third = await open("a", {}, env);
    expect(await put(third, "mine again")).toMatchObject({ syncVersion: 3 });
    await synced(a, tab, third);
    expect(inbox()).toMatchObject([{ status: "open", client: { data: { text: "mine again" } } }]);
  });

  it("a deletion that lost shows the server's value, and that it needs attention", async () => {
    const [a, , { id }] = await lostBy((replica) => replica.collection(notes).delete("n1"));
    expect(await seenBy(a)).toMatchObject({ data: { text: "theirs" }, sync: "attention", conflict: id });
    // what it shows is the server's, so an edit of that is no further clash
    await put(a, "theirs, corrected");
    await synced(a);
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "theirs, corrected" } });
  });

  it("an edit of a record that was deleted meanwhile stays visible", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await put(a, "one");
    await synced(a, b);
    cable(false);
    othersDelete();
    await put(a, "mine");
    cable(true);
    await synced(a, b);
    expect(inbox()).toMatchObject([{ kind: "DELETED_ITEM", status: "open" }]);
    expect(await seenBy(a)).toMatchObject({ data: { text: "mine" }, sync: "attention", conflict: inbox()[0]!.id });
    expect((await seenBy(a))?.server?.data).toBeNull();
    expect(await seenBy(b)).toBeUndefined();
  });

  it("further edits replace its side, in their order (S7), also while earlier ones are on their way", async () => {
    const [a, , { id }] = await lostBy();
    for (const text of ["mine 2", "mine 3", "mine 4", "mine 5"]) {
      await put(a, text);
      await w.time.advance(7);
    }
    await synced(a);
    expect(inbox()).toMatchObject([{ id, status: "open", client: { data: { text: "mine 5" } } }]);
    expect(await seenBy(a)).toMatchObject({ data: { text: "mine 5" }, sync: "attention", conflict: id });
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "theirs" } });
    cable(false);
    expect(await put(a, "mine 5")).toMatchObject({ sync: "saved", conflict: id, server: { data: { text: "theirs" } } });
    cable(true);
    await synced(a);
    const form = (await seenBy(a))!;
    others("theirs again");
    await synced(a);
    await put(a, "mine 6", { readAt: form.readAt });
    await synced(a);
    expect(inbox()).toMatchObject([{ id, status: "open", client: { data: { text: "mine 6" } } }]);
  });

  it("gives way in the very moment at which it sees that the conflict was settled", async () => {
    const [a, b, { id }] = await lostBy();
    const disagreements: string[] = [];
    const status = latest(a.conflicts$);
    await seenBy(a);
    a.collection(notes).records$.subscribe((records) => {
      const text = records.find(({ localId }) => localId === "n1")?.data.text;
      void Promise.resolve().then(() => {
        const settled = status.value?.find(({ localId }) => localId === id)?.data.status === "settled";
        if ((text === "mine") === settled) disagreements.push(`${text} ${settled}`);
      });
    });
    await b.settle(id, "server");
    await synced(a, b);
    expect(await seenBy(a)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
    expect(await seenBy(a)).not.toHaveProperty("conflict");
    expect(disagreements).toEqual([]);
  });

  it("without the collection of conflicts it falls back to the server's value", async () => {
    const a = await open("a", { subscribe: ["notes"] });
    await put(a, "one");
    await synced(a);
    cable(false);
    others("theirs");
    await put(a, "mine");
    cable(true);
    await synced(a);
    expect(await seenBy(a)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
  });

  it("S8: what waited in a conflict that a restored server has forgotten is sent again", async () => {
    const [a, b] = await clash();
    const { head } = w.server;
    cable(true);
    await synced(a, b);
    expect(inbox()).toHaveLength(1);
    w.server.restore(head);
    w.server.cutAll();
    await w.time.advance(5_000);
    await synced(a, b);
    expect(inbox()).toMatchObject([{ status: "open", client: { deviceId: "a", data: { text: "mine" } } }]);
    expect(await seenBy(a)).toMatchObject({ data: { text: "mine" }, sync: "attention" });
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "theirs" } });
  });

  it.each(["while it runs", "and started anew"])(
    "S8: so is it by a device that is enrolled anew under another id, %s, since the restored server knows it no more",
    async (when) => {
      const [a, b] = await clash();
      const { head } = w.server;
      cable(true);
      await synced(a, b);
      cable(false);
      w.server.restore(head);
      let again = a;
      if (when === "while it runs") await a.reauthenticate(identityOf("a2"));
      else {
        await a.close();
        again = await open("a", { identity: identityOf("a2") });
      }
      cable(true);
      await w.time.advance(5_000);
      await synced(again, b);
      expect(inbox()).toMatchObject([{ status: "open", client: { data: { text: "mine" } } }]);
      expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "theirs" } });
    },
  );

  it("which is enrolled anew under another id shows the server's value: the conflict stays in the inbox", async () => {
    const [a, , { id }] = await lostBy();
    await a.reauthenticate(identityOf("a2"));
    await w.time.settle();
    expect(await seenBy(a)).toMatchObject({ data: { text: "theirs" }, sync: "synced" });
    expect((await a.collection(conflicts).get(id))?.data.status).toBe("open");
  });

  it("one id used by two devices: each sees its own, and both are kept if a person says so", async () => {
    w.server.policy = "SERVER_WINS";
    const [a, b] = [await open("a"), await open("b")];
    cable(false);
    await put(a, "of a");
    await put(b, "of b");
    cable(true);
    await synced(a, b);
    const [taken] = inbox();
    expect(taken).toMatchObject({ kind: "ID_TAKEN", status: "open", policy: "MANUAL" });
    expect([await textOf(a, "n1"), await textOf(b, "n1")]).toEqual(["of a", "of b"]);
    const kept = await b.settle(taken!.id, "both");
    await synced(a, b);
    for (const one of [a, b]) {
      expect(await textOf(one, "n1")).not.toBe(await textOf(one, kept));
      expect((await one.collection(notes).query()).map(({ data }) => data.text).sort()).toEqual(["of a", "of b"]);
    }
    expect(await b.collection(notes).get(kept)).toMatchObject({ data: { id: kept } });
    expect(inbox()).toMatchObject([{ status: "settled", settlement: "BOTH", keptAs: kept }]);
  });
});
