/** Files of unsent writes that were taken before, and what they must not do to writes of this device and of others. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { entries, latest, notes, noteWrite, textOf, world, type Note, type World } from "../test/fixtures.ts";

let w: World;
let broken: Replica;
let other: Replica;

beforeEach(async () => {
  w = world();
  w.server.liveUp = w.server.httpUp = false;
  broken = await w.open("broken");
  other = await w.open("other");
});
afterEach(() => other.close());

function network(isUp: boolean): void {
  w.server.liveUp = w.server.httpUp = isUp;
  if (!isUp) w.server.cutAll();
}
async function drained(...replicas: Replica[]): Promise<void> {
  network(true);
  for (const replica of replicas) {
    const stats = latest(replica.stats$);
    await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
  }
}
async function conflictsOf(replica: Replica): Promise<number> {
  const conflicts = latest(replica.conflicts$);
  await w.time.until(() => conflicts.value !== undefined);
  return conflicts.value!.length;
}

interface File {
  readonly rows: readonly { readonly syncVersion: number; readonly hash: string }[];
}
/** The broken device's last words. */
async function lastFile(): Promise<File> {
  const file = JSON.parse(await broken.exportOutbox()) as File;
  await broken.close();
  return file;
}
/** Two rows of one record: the first as if it had been sent, the second edited behind it. */
async function fileOfTwo(one: Partial<Note> = { text: "one" }, two: Partial<Note> = { text: "two" }): Promise<string> {
  await broken.collection(notes).put({ id: "n1", text: "", ...one });
  const [first] = (JSON.parse(await broken.exportOutbox()) as File).rows;
  await broken.collection(notes).put({ id: "n1", text: "", ...two });
  const file = await lastFile();
  const base = { version: first!.syncVersion, hash: first!.hash };
  return JSON.stringify({ ...file, rows: [first, { ...file.rows[0], key: 99, base }] });
}

describe("S2 a file that is taken again", () => {
  it("once all of it was settled changes nothing", async () => {
    const file = await fileOfTwo();
    await other.importOutbox(file);
    await drained(other);
    const pushes = w.server.pushes.length;
    expect(await other.importOutbox(file)).toEqual({ imported: 0, known: 2, refused: [] });
    await drained(other);
    expect(await textOf(other, "n1")).toBe("two");
    expect([w.server.pushes.length - pushes, await conflictsOf(other)]).toEqual([0, 0]);
  });

  it("changes nothing and makes no conflict either after others have gone on", async () => {
    const file = await fileOfTwo();
    await other.importOutbox(file);
    await drained(other);
    const { syncVersion, hash } = w.server.records.get("notes/n1")!;
    w.server.decide("third", noteWrite("n1", "three", syncVersion + 1, { version: syncVersion, hash }));
    w.server.publish();
    const note = latest(other.collection(notes).record$("n1"));
    await w.time.until(() => note.value?.data.text === "three");
    const feed = w.server.head;
    await other.importOutbox(file);
    await drained(other);
    await w.time.until(() => note.value?.sync === "synced");
    expect(note.value?.data.text).toBe("three");
    expect([w.server.head - feed, await conflictsOf(other)]).toEqual([0, 0]);
  });

  it("also where the edits were made on what is paid since", async () => {
    const file = await fileOfTwo({ text: "open" }, { text: "paid", paid: true });
    expect(await other.importOutbox(file)).toEqual({ imported: 2, known: 0, refused: [] });
    await drained(other);
    expect(await other.importOutbox(file)).toEqual({ imported: 0, known: 2, refused: [] });
  });
});

it("S2 is sent as the writes of the device that it is of, which may have sent them itself, over a second import too", async () => {
  await drained(broken);
  w.server.dropResults = w.server.dropFrames = true;
  await broken.collection(notes).put({ id: "n1", text: "sent" });
  await w.time.until(() => w.server.pushes.length > 0);
  const file = JSON.stringify(await lastFile());
  network(false);
  w.server.dropResults = w.server.dropFrames = false;
  await other.importOutbox(file);
  const third = await w.open("third");
  await third.importOutbox(await other.exportOutbox());
  await drained(other, third);
  await third.close();
  const sent = w.server.pushes.map(({ deviceId, writes }) => [deviceId, writes[0]?.deviceId]);
  expect(sent[0]).toEqual(["broken", undefined]);
  expect(sent.slice(1).every(([, sentAs]) => sentAs === "broken")).toBe(true);
  expect(new Set(sent.map(([deviceId]) => deviceId))).toEqual(new Set(["broken", "other", "third"]));
  expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 1, deviceId: "broken" });
});

describe("S6 what was made on another device", () => {
  it("takes the place of no edit that waits here, though both were made on one value", async () => {
    await drained(broken, other);
    await other.collection(notes).put({ id: "n1", text: "first" });
    await drained(broken, other);
    network(false);
    await broken.collection(notes).put({ id: "n1", text: "of the broken one" });
    await other.collection(notes).put({ id: "n1", text: "of this one" });
    await other.importOutbox(JSON.stringify(await lastFile()));
    await drained(other);
    const sent = w.server.pushes.flatMap(({ writes }) => writes).map(({ data }) => (data as { text: string }).text);
    expect(new Set(sent)).toEqual(new Set(["first", "of this one", "of the broken one"]));
    expect(w.server.records.get("notes/n1")).toMatchObject({ data: { text: "of this one" } });
  });

  it("and was to be offered again after a restore is offered again, not written over what came since", async () => {
    const offered = noteWrite("n1", "of before the restore", 3, null);
    const times = { createdAt: 1, editedAt: 1, bytes: 60, absorbed: [], state: "queued", key: -1 };
    const whose = { deviceId: "fourth", createdBy: "fourth", updatedAt: 7 };
    const file = await lastFile();
    const text = JSON.stringify({ ...file, rows: [{ ...offered, ...times, reoffer: whose }] });
    const { hash } = w.server.put("third", noteWrite("n1", "newer", 5, { version: 0, hash: null }));
    await drained(other);
    network(false);
    expect(await other.importOutbox(text)).toMatchObject({ imported: 1 });
    await drained(other);
    expect(w.server.pushes.at(-1)?.writes).toMatchObject([{ ...offered, ...whose, reoffer: true, base: null }]);
    expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 5, hash });
  });

  it("no row that says nothing of what it was made on, or lies below it, is taken", async () => {
    await broken.collection(entries).put({ id: "e1", text: "paid" });
    const file = await lastFile();
    for (const wrong of [{ base: null }, { base: { version: 9, hash: "0".repeat(64) } }, { hash: "0".repeat(64) }]) {
      const text = JSON.stringify({ ...file, rows: [{ ...file.rows[0], ...wrong }] });
      expect((await other.importOutbox(text)).refused).toMatchObject([{ localId: "e1" }]);
    }
  });
});
