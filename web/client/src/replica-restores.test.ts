/** Reading the feed anew: after a restore, for another choice of collections, after a digest that differs. */
import { describe, expect, it } from "vitest";
import { hashOf } from "@tillwire/protocol/hash";
import { latest, noteWrite, notes, textOf, type World } from "../test/fixtures.ts";
import { openWorldForEachTest } from "../test/each-world.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

describe("collections", () => {
  it("another choice of collections starts again from null, beside what people see, and offers nothing again", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "tea" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    await a.close();
    const { length } = w.server.pushes;
    const again = await open("a", { subscribe: ["entries", "conflicts"] });
    expect(await textOf(again, "n1")).toBe("tea");
    const link = latest(again.link$);
    await w.time.until(() => link.value?.state === "live");
    expect(w.server.received.findLast(({ message }) => message.type === "hello")?.message).toMatchObject({
      syncToken: null,
      collections: ["entries", "conflicts"],
    });
    await w.time.advance(5_000);
    expect(w.server.pushes).toHaveLength(length);
    expect(await textOf(again, "n1")).toBeUndefined();
  });
});

describe("restores", () => {
  it("a server that lost its last hours gets them back, with author and version", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "kept" });
    await w.time.until(() => stats.value?.pending === 0 && w.server.head === 1);
    w.server.put("b", noteWrite("n2", "lost", 3, { version: 2, hash: hashOf({}) }));
    await a.collection(notes).put({ id: "n1", text: "newer" });
    await w.time.until(
      () => stats.value?.pending === 0 && stats.value.digestsEqual === true && stats.value.synced === 2,
    );
    w.server.restore(0);
    w.server.cutAll();
    await w.time.until(() => w.server.records.size === 2);
    expect(w.server.records.get("notes/n2")).toMatchObject({
      syncVersion: 3,
      deviceId: "b",
      createdBy: "b",
      data: { text: "lost" },
    });
    expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 2, deviceId: "a", data: { text: "newer" } });
    expect(w.server.pushes.at(-1)?.writes[0]).toMatchObject({ reoffer: true, base: null });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
  });

  it("what people see never shrinks while a fresh base is read, over HTTP as well", async () => {
    w.server.liveUp = false;
    const a = await open("a");
    const stats = latest(a.stats$);
    const seen = latest(a.collection(notes).records$);
    let fewest = Number.POSITIVE_INFINITY;
    w.server.pageSize = 2;
    for (let i = 0; i < 9; i++) await a.collection(notes).put({ id: `n${i}`, text: "x" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 9);
    a.collection(notes).records$.subscribe((records) => (fewest = Math.min(fewest, records.length)));
    w.server.restore(6);
    await w.time.until(() => w.server.records.size === 9, 300_000);
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    expect(seen.value).toHaveLength(9);
    expect(fewest).toBe(9);
  });

  it("reoffer: false discards on purpose what devices hold beyond the server", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "gone" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 1);
    w.server.reoffer = false;
    w.server.restore(0);
    w.server.cutAll();
    await w.time.until(() => stats.value?.synced === 0);
    await w.time.advance(5_000);
    expect(w.server.records.size).toBe(0);
    expect(await textOf(a, "n1")).toBeUndefined();
  });

  it("another reset meanwhile leaves aside what is aside", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    for (let i = 0; i < 5; i++) await a.collection(notes).put({ id: `n${i}`, text: "x" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 5);
    w.server.pageSize = 1;
    w.server.restore(4);
    w.server.cutAll();
    // frames of the first reset are under way when the second comes
    await w.time.until(() => w.server.received.filter(({ message }) => message.type === "hello").length === 2);
    await w.time.advance(5);
    w.server.restore(2);
    w.server.cutAll();
    await w.time.until(() => w.server.records.size === 5);
    await w.time.until(
      () => stats.value?.pending === 0 && stats.value.digestsEqual === true && stats.value.synced === 5,
    );
  });

  it("a server value below a record's base version is not applied: it proves a restore", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await a.collection(notes).put({ id: "n1", text: "two" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.synced === 1);
    // restored without anybody noticing, and newly written
    w.server.records.clear();
    w.server.put("b", noteWrite("n1", "old", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.advance(200);
    expect(await textOf(a, "n1")).not.toBe("old");
    await w.time.until(() => w.server.records.get("notes/n1")?.syncVersion === 2);
    expect(w.server.records.get("notes/n1")?.data).toMatchObject({ text: "two" });
  });

  it("S12 a digest that differs at the head is reported, and healed at most once an hour", async () => {
    const a = await open("a");
    const stats = latest(a.stats$);
    await a.collection(notes).put({ id: "n1", text: "one" });
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
    // the server's record changes under its seq: whatever the reason, this replica differs
    const lie = { ...w.server.records.get("notes/n1")!, hash: "d".repeat(64), data: { id: "n1", text: "other" } };
    w.server.records.set("notes/n1", lie);
    w.server.put("b", noteWrite("n2", "x", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.until(() => stats.value?.digestMismatches === 1);
    // what it held is offered first, in case the server forgot it: the server's word is final
    await w.time.until(() => stats.value?.digestsEqual === true && stats.value.pending === 0);
    expect(await textOf(a, "n1")).toBe("other");
    w.server.records.set("notes/n1", { ...lie, hash: "e".repeat(64) });
    w.server.put("b", noteWrite("n3", "x", 1, { version: 0, hash: null }));
    w.server.publish();
    await w.time.until(() => stats.value?.digestMismatches === 2);
    await w.time.advance(60_000);
    expect(stats.value?.digestsEqual).toBe(false);
    expect(w.server.received.findLast(({ message }) => message.type === "status")?.message).toMatchObject({
      digestsEqual: false,
      digestMismatches: 2,
    });
    // nobody sells anything: it asks by itself when it may heal again
    await w.time.advance(3_600_000);
    expect(stats.value?.digestsEqual).toBe(true);
    expect((await a.collection(notes).get("n1"))?.hash).toBe("e".repeat(64));
  });
});
