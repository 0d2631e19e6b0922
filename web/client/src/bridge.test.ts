import { hashOf } from "@tillwire/protocol/hash";
import type { Change, Result } from "@tillwire/protocol/messages";
import { expect, test } from "vitest";
import { bridge } from "./bridge.ts";
import { newSync } from "./fresh-base.ts";
import type { Overlay, WriteTx } from "./local-store.ts";
import type { OutboxRow } from "./outbox.ts";

const data = { notes: "mine" };
const row: OutboxRow = {
  ...{ key: 1, collection: "orders", localId: "o1", op: "put", syncVersion: 2, hash: hashOf(data), data },
  ...{ base: { version: 1, hash: hashOf({}) }, state: "sent", createdAt: 1, editedAt: 1, bytes: 20, absorbed: [] },
};
const result = (more: Partial<Result>): Result => ({
  ...{
    collection: "orders",
    localId: "o1",
    outcome: "conflict",
    seq: 3,
    syncVersion: 2,
    hash: hashOf({ notes: "theirs" }),
  },
  conflict: { id: "c-1", kind: "HASH_MISMATCH", policy: "MANUAL", fields: [] },
  ...more,
});

async function bridged(
  told: Result,
  sent = row,
  sync = newSync("*"),
  known?: Pick<Change, "data">,
): Promise<Overlay[]> {
  const laid: Overlay[] = [];
  const tx = {
    record: () => Promise.resolve(known),
    overlay: () => Promise.resolve(undefined),
    putOverlay: (overlay: Overlay) => void laid.push(overlay),
  } as unknown as WriteTx;
  const answer = { sent: [], results: [told], epoch: "e", deviceId: "b", now: 5, subscribed: null };
  await bridge(tx, sync, sent, told, answer);
  return laid;
}

test("what a result tells of a conflict is shown until the feed brings it", async () => {
  const [overlay] = await bridged(result({ data: { notes: "theirs" } }));
  expect(overlay).toMatchObject({ localId: "c-1", data: { server: { deleted: false, data: { notes: "theirs" } } } });
  const [gone] = await bridged(result({ deleted: true, data: null }));
  expect(gone).toMatchObject({ data: { server: { deleted: true, data: null } } });
});

test("a result that had no room for the server's value makes no conflict that would be taken for one with a deletion", async () => {
  expect(await bridged(result({}))).toEqual([]);
});

test("where counts clash the server's value may be what was sent", async () => {
  const [overlay] = await bridged(result({ hash: row.hash }));
  expect(overlay).toMatchObject({ data: { server: { deleted: false, data }, client: { data } } });
});

test("a choice that was taken settles its conflict here, unless that was read in what may be another history", async () => {
  const [{ data: open } = { data: null }] = await bridged(result({ data: { notes: "theirs" } }));
  const choice = { ...row, resolves: "c-1" };
  const { conflict: _, ...taken } = result({ outcome: "accepted", hash: row.hash });
  const [settled] = await bridged(taken, choice, newSync("*"), { data: open });
  expect(settled).toMatchObject({ data: { status: "settled", settlement: "CLIENT", settledBy: "b" } });
  const reading = { ...newSync("*"), base: 2, aside: { epoch: "d", reoffer: "never" as const } };
  expect(await bridged(taken, choice, reading, { data: open })).toEqual([]);
});
