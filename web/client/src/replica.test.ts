/** The whole client over virtual time, against a double of the server's decisions. */
import { describe, expect, it } from "vitest";
import { openWorldForEachTest } from "../test/each-world.ts";
import { latest, noteWrite, notes, textOf, type World } from "../test/fixtures.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

describe("live", () => {
  it("a sale in one register appears in the other, once, with its author", async () => {
    const a = await open("a");
    const b = await open("b");
    const seen = latest(b.collection(notes).records$);
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    const saved = await a.collection(notes).put({ id: "n1", text: "tea" });
    expect(saved).toMatchObject({ sync: "sending", syncVersion: 1, createdBy: "a" });
    await w.time.until(() => seen.value?.length === 1);
    expect(seen.value).toMatchObject([{ localId: "n1", data: { text: "tea" }, createdBy: "a", sync: "synced" }]);
    expect(w.server.pushes).toHaveLength(1);
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.pending === 0 && stats.value.collections.get("notes")?.synced === 1);
    expect(stats.value).toMatchObject({ digestsEqual: true, failed: 0 });
    expect((await a.collection(notes).get("n1"))?.sync).toBe("synced");
  });

  it("500 writes made offline drain in order", async () => {
    w.server.liveUp = w.server.httpUp = false;
    const a = await open("a");
    for (let i = 0; i < 500; i++) await a.collection(notes).put({ id: `n${i}`, text: `${i}` });
    w.server.liveUp = w.server.httpUp = true;
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.pending === 0);
    const sent = w.server.pushes.flatMap((push) => push.writes.map((write) => write.localId));
    expect(sent).toEqual(Array.from({ length: 500 }, (_, i) => `n${i}`));
    await w.time.until(() => stats.value?.digestsEqual === true && stats.value.synced >= 500);
  });

  it("S2 an ack lost before the device saw it does not become a conflict", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    w.server.dropResults = w.server.dropFrames = true;
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.until(() => w.server.pushes.length > 0);
    await a.collection(notes).put({ id: "n1", text: "tea, black" });
    w.server.dropResults = w.server.dropFrames = false;
    w.server.cutAll();
    await w.time.until(() => stats.value?.pending === 0);
    expect(w.server.pushes[1]?.writes).toEqual(w.server.pushes[0]?.writes);
    expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 2, data: { text: "tea, black" } });
    expect([...w.server.records.values()].filter((record) => record.collection === "conflicts")).toEqual([]);
  });

  it("the loser of a conflict takes the server's value, and the conflict is in its inbox", async () => {
    const a = await open("a");
    const inbox = latest(a.conflicts$);
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 1);
    w.server.liveUp = w.server.httpUp = false;
    w.server.cutAll();
    const current = w.server.records.get("notes/n1")!;
    w.server.put("b", noteWrite("n1", "theirs", 2, { version: 1, hash: current.hash }));
    await a.collection(notes).put({ id: "n1", text: "mine" });
    w.server.liveUp = w.server.httpUp = true;
    await w.time.until(() => inbox.value?.length === 1 && stats.value?.pending === 0);
    expect(await textOf(a, "n1")).toBe("theirs");
    await w.time.until(() => stats.value?.digestsEqual === true);
  });

  it("a form that was open while another device's change came in conflicts rather than reverting it", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await w.time.until(() => stats.value?.synced === 1 && stats.value.pending === 0);
    const form = (await a.collection(notes).get("n1"))!;
    w.server.put("b", noteWrite("n1", "theirs", 2, form.readAt));
    w.server.publish();
    await w.time.advance(100);
    expect(await textOf(a, "n1")).toBe("theirs");
    await a.collection(notes).put({ id: "n1", text: "mine" }, { readAt: form.readAt });
    await w.time.until(() => stats.value?.pending === 0);
    expect(w.server.pushes.at(-1)?.writes[0]).toMatchObject({ base: form.readAt, syncVersion: 2 });
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "theirs" } });
  });
});

describe("two forms on one device", () => {
  it("the one that was opened first is saved on top of the other, sent or not, and is no conflict with oneself", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    const settled = () => w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await settled();
    const form = (await a.collection(notes).get("n1"))!;
    for (const text of ["two", "three"]) {
      await a.collection(notes).put({ id: "n1", text });
      await settled();
      await w.time.advance(200);
    }
    await a.collection(notes).put({ id: "n1", text: "of the form" }, { readAt: form.readAt });
    await settled();
    expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 4, data: { text: "of the form" } });
    expect([...w.server.records.keys()]).toEqual(["notes/n1"]);
  });

  it("where another device's change came between, it is one", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    const settled = () => w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await settled();
    const form = (await a.collection(notes).get("n1"))!;
    w.server.put("b", noteWrite("n1", "theirs", 2, form.readAt));
    w.server.publish();
    await w.time.advance(200);
    await a.collection(notes).put({ id: "n1", text: "on theirs" });
    await settled();
    await a.collection(notes).put({ id: "n1", text: "of the form" }, { readAt: form.readAt });
    await settled();
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "on theirs" } });
  });
});

describe("rejected", () => {
  it("S8 a rejected write stays visible, delays no other (L2), and can be retried or discarded", async () => {
    w.server.reject = (write) => (write.localId === "bad" ? { code: "GUARD", message: "no" } : null);
    const a = await open("a");
    const outbox = latest(a.outbox$);
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "bad", text: "x" });
    await a.collection(notes).put({ id: "good", text: "y" });
    await w.time.until(() => stats.value?.failed === 1 && stats.value.pending === 0);
    expect(await a.collection(notes).get("bad")).toMatchObject({ sync: "attention", error: { code: "GUARD" } });
    const key = outbox.value![0]!.key;
    await a.retryRejected(key);
    await w.time.until(() => stats.value?.failed === 1);
    w.server.reject = () => null;
    await a.retryRejected(key);
    await w.time.until(() => stats.value?.failed === 0 && stats.value.pending === 0);
    expect(w.server.records.has("notes/bad")).toBe(true);
  });

  it("a discarded write gives way to the server's value", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "kept" });
    await w.time.until(() => stats.value?.synced === 1 && stats.value.pending === 0);
    w.server.reject = () => ({ code: "GUARD", message: "no" });
    await a.collection(notes).put({ id: "n1", text: "refused" });
    await w.time.until(() => stats.value?.failed === 1);
    expect(await textOf(a, "n1")).toBe("refused");
    await a.discardRejected(latest(a.outbox$).value?.[0]?.key ?? JSON.parse(await a.exportOutbox()).rows[0].key);
    expect(await textOf(a, "n1")).toBe("kept");
  });

  it("put refuses what the server would reject, and saves nothing", async () => {
    const a = await open("a");
    await expect(a.collection(notes).put({ id: "n1" } as never)).rejects.toMatchObject({ code: "SCHEMA" });
    await expect(a.collection(notes).put({ id: "not an id", text: "" })).rejects.toMatchObject({
      code: "WRITE_MALFORMED",
    });
    await a.collection(notes).put({ id: "n1", text: "", paid: true });
    await expect(a.collection(notes).put({ id: "n1", text: "" })).rejects.toMatchObject({ code: "GUARD" });
    await expect(a.batch(() => [{ op: "put", collection: "conflicts", data: {} }])).rejects.toMatchObject({
      code: "ROLE",
    });
    await expect(a.batch(() => [{ op: "put", collection: "none", data: {} }])).rejects.toMatchObject({
      code: "COLLECTION_UNKNOWN",
    });
    expect(JSON.parse(await a.exportOutbox()).rows).toHaveLength(1);
  });
});
