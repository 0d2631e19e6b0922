/** A register that broke: its unsent sales, from the file that it exported, reach the server by another one. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { entries, latest, notes, noteWrite, textOf, world, type World } from "../test/fixtures.ts";

let w: World;
let broken: Replica;
let other: Replica;

beforeEach(async () => {
  w = world();
  w.server.liveUp = w.server.httpUp = false;
  broken = await w.open("broken");
  other = await w.open("other");
});
afterEach(async () => {
  await broken.close();
  await other.close();
});

async function drained(): Promise<void> {
  w.server.liveUp = w.server.httpUp = true;
  const stats = latest(other.stats$);
  await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
}
async function pending(): Promise<number> {
  return (JSON.parse(await other.exportOutbox()) as { rows: unknown[] }).rows.length;
}

describe("S1 unsent writes of another device", () => {
  it("are saved here, once however often the file is taken, and reach the server", async () => {
    await broken.collection(notes).put({ id: "n1", text: "tea" });
    await broken.collection(notes).put({ id: "n1", text: "tea, black" });
    await broken.collection(entries).put({ id: "e1", text: "paid" });
    const file = await broken.exportOutbox();
    expect(await other.importOutbox(file)).toEqual({ imported: 2, known: 0, refused: [] });
    expect(await other.importOutbox(file)).toEqual({ imported: 0, known: 2, refused: [] });
    expect(await pending()).toBe(2);
    await drained();
    expect(await textOf(other, "n1")).toBe("tea, black");
    expect(w.server.records.get("entries/e1")).toMatchObject({ data: { text: "paid" } });
  });

  it("follow each other as they did there, though they had been sent and edited again", async () => {
    const first = await broken.collection(notes).put({ id: "n1", text: "one" });
    await broken.collection(notes).put({ id: "n1", text: "two" });
    const file = JSON.parse(await broken.exportOutbox()) as { rows: { syncVersion: number; hash: string }[] };
    // as if the first row had been frozen at its second version, and a tail stood behind it
    const [row] = file.rows;
    const tail = { ...row, syncVersion: row!.syncVersion + 1, base: { version: row!.syncVersion, hash: row!.hash } };
    const edited = { ...tail, data: { id: "n1", text: "one" }, hash: first.hash };
    const report = await other.importOutbox(JSON.stringify({ ...file, rows: [row, edited] }));
    expect(report).toEqual({ imported: 2, known: 0, refused: [] });
    await drained();
    expect(await textOf(other, "n1")).toBe("one");
    expect(latest(other.conflicts$).value ?? []).toEqual([]);
  });

  it("S4 don't overwrite what others changed meanwhile", async () => {
    await broken.collection(notes).put({ id: "n1", text: "of the broken one" });
    const file = await broken.exportOutbox();
    w.server.decide("third", noteWrite("n1", "of a third", 1, { version: 0, hash: "0".repeat(64) }));
    await drained();
    expect(await textOf(other, "n1")).toBe("of a third");
    await other.importOutbox(file);
    await drained();
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "of a third" } });
    // a new record, as it was there: the server keeps both sides
    expect(w.server.pushes.at(-1)?.writes[0]).toMatchObject({ localId: "n1", base: { version: 0 } });
  });

  it("that this device can't take are told, and the others are taken", async () => {
    await broken.collection(notes).put({ id: "n1", text: "not paid" });
    await broken.collection(notes).put({ id: "n2", text: "fine" });
    await other.collection(notes).put({ id: "n1", text: "paid", paid: true });
    const report = await other.importOutbox(await broken.exportOutbox());
    expect(report).toMatchObject({ imported: 1, refused: [{ collection: "notes", localId: "n1", code: "GUARD" }] });
    expect(await textOf(other, "n2")).toBe("fine");
  });

  it("of a collection that it does not know are told", async () => {
    await broken.collection(notes).put({ id: "n1", text: "tea" });
    const file = (await broken.exportOutbox()).replaceAll('"notes"', '"memos"');
    expect((await other.importOutbox(file)).refused).toMatchObject([{ code: "COLLECTION_UNKNOWN" }]);
  });
});

it("no file of another store, and nothing that is no such file", async () => {
  const file = await broken.exportOutbox();
  await expect(other.importOutbox(file.replace("shop-1", "shop-2"))).rejects.toMatchObject({ code: "FORBIDDEN" });
  for (const text of [
    "",
    "{}",
    "[1]",
    file.replace("tillwire-outbox", "other"),
    file.replace('"version": 1', '"version": 2'),
  ])
    await expect(other.importOutbox(text)).rejects.toMatchObject({ code: "UNPROCESSABLE" });
  expect(await pending()).toBe(0);
});
