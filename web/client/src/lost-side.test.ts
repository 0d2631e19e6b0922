import type { ConflictData } from "@tillwire/protocol/conflicts";
import { describe, expect, test, vi } from "vitest";
import type { BaseRecord, Overlay, WriteTx } from "./local-store.ts";
import { readLostSide } from "./lost-side.ts";
import { openMemoryStore } from "./memory-store.ts";
import type { OutboxRow } from "./outbox.ts";
import type { ConflictsAbout } from "./view.ts";

const HASH = "4c1f5268d8c597a5219d6c148a550d18b18231308be10f40f5598484292f4cc9";

function conflict(id: string, syncVersion: number, more: Partial<ConflictData> = {}): ConflictData {
  const side = { syncVersion, hash: HASH, deleted: false, at: 1, data: { id: "n1" } };
  return {
    ...{ id, collection: "notes", recordId: "n1", kind: "HASH_MISMATCH", policy: "MANUAL", status: "open", base: null },
    ...{ client: { ...side, deviceId: "a" }, server: { ...side, deviceId: "x" }, fields: [], createdAt: 1 },
    ...{ settledAt: null, settledBy: null, settlement: null, ...more },
  };
}
function changeOf(data: ConflictData, seq: number): BaseRecord {
  const record = { generation: 1, seq, collection: "conflicts", localId: data.id, syncVersion: 1, hash: HASH };
  return { ...record, deleted: false, deviceId: "server", createdBy: "server", updatedAt: 1, data };
}
const overlayOf = (data: ConflictData): Overlay => ({ ...changeOf(data, 99), epoch: "e1" });
const choice = (conflictId: string): OutboxRow => ({
  ...{ key: 1, collection: "notes", localId: "kept", op: "put", syncVersion: 1, base: { version: 0, hash: null } },
  ...{ hash: HASH, data: {}, resolves: conflictId, state: "queued", createdAt: 1, editedAt: 1, bytes: 2, absorbed: [] },
});

/** The view has read the database up to revision 5 and seq 10; `at` says where the database is. */
const about = (conflicts: ConflictData[], more: Partial<ConflictsAbout> = {}): ConflictsAbout => ({
  ...{ revision: 5, visible: 1, seq: 10, conflicts, isChosen: () => false, ...more },
});
async function found(known: ConflictsAbout | null, fill: (tx: WriteTx) => void, revision = 6, visible = 1) {
  return openMemoryStore().write("strict", async (tx) => {
    fill(tx);
    const whole = vi.spyOn(tx, "recordsOf");
    const record = { collection: "notes", localId: "n1", deviceId: "a" };
    const lost = await readLostSide(tx, known, { revision, visible }, record);
    return {
      lost: lost && [lost.conflict.id, lost.conflict.client.syncVersion, lost.isChosen],
      wholes: whole.mock.calls.map(([, name]) => name),
    };
  });
}

describe("an own side in an open conflict, as a save knows it", () => {
  test("a view that is up to date knows it without the database", async () => {
    const nothing = () => undefined;
    expect((await found(about([conflict("c1", 2)]), nothing, 5)).lost).toEqual(["c1", 2, false]);
    expect((await found(about([conflict("c1", 2)], { isChosen: () => true }), nothing, 5)).lost).toEqual([
      "c1",
      2,
      true,
    ]);
    expect((await found(about([]), nothing, 5)).lost).toBeUndefined();
  });

  test("one that lags behind looks at what it knew and at what came after, and at nothing else", async () => {
    const known = about([conflict("c1", 2)]);
    const replaced = (tx: WriteTx) => tx.putRecord(changeOf(conflict("c1", 3), 11));
    expect(await found(known, replaced)).toEqual({ lost: ["c1", 3, false], wholes: [] });
    const still = (tx: WriteTx) => tx.putRecord(changeOf(conflict("c1", 2), 10));
    expect(await found(known, still)).toEqual({ lost: ["c1", 2, false], wholes: [] });
    const settled = (tx: WriteTx) => tx.putRecord(changeOf(conflict("c1", 2, { status: "settled" }), 11));
    expect(await found(known, settled)).toEqual({ lost: undefined, wholes: [] });
    const opened = (tx: WriteTx) => tx.putRecord(changeOf(conflict("c2", 4), 11));
    expect(await found(about([]), opened)).toEqual({ lost: ["c2", 4, false], wholes: [] });
    const others = (tx: WriteTx) => tx.putRecord(changeOf(conflict("c2", 4, { recordId: "n2" }), 11));
    expect(await found(about([]), others)).toEqual({ lost: undefined, wholes: [] });
  });

  test("what a result told lies above", async () => {
    const told = (tx: WriteTx) => {
      tx.putRecord(changeOf(conflict("c1", 2), 10));
      tx.putOverlay(overlayOf(conflict("c1", 3)));
    };
    expect((await found(about([conflict("c1", 2)]), told)).lost).toEqual(["c1", 3, false]);
    const over = (tx: WriteTx) => {
      tx.putRecord(changeOf(conflict("c1", 2), 10));
      tx.putOverlay(overlayOf(conflict("c1", 2, { status: "settled" })));
    };
    expect((await found(about([conflict("c1", 2)]), over)).lost).toBeUndefined();
  });

  test("a choice that another tab has made of it counts, a rejected one does not", async () => {
    const known = about([conflict("c1", 2)]);
    const fill = (row: OutboxRow) => (tx: WriteTx) => {
      tx.putRecord(changeOf(conflict("c1", 2), 10));
      tx.putOutbox(row);
    };
    expect((await found(known, fill(choice("c1")))).lost).toEqual(["c1", 2, true]);
    expect((await found(known, fill({ ...choice("c1"), state: "rejected" }))).lost).toEqual(["c1", 2, false]);
    expect((await found(known, fill(choice("c9")))).lost).toEqual(["c1", 2, false]);
  });

  test("where the view stands on another generation, or has read nothing yet, all conflicts are looked through", async () => {
    const fill = (tx: WriteTx) => {
      tx.putRecord(changeOf(conflict("c0", 9), 3));
      tx.putRecord({ ...changeOf(conflict("c1", 2), 3), generation: 2 });
    };
    expect(await found(null, fill)).toEqual({ lost: ["c0", 9, false], wholes: ["conflicts"] });
    expect(await found(about([conflict("c0", 9)]), fill, 6, 2)).toEqual({
      lost: ["c1", 2, false],
      wholes: ["conflicts"],
    });
  });
});
