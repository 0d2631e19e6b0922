import { hashOf } from "@tillwire/protocol/hash";
import type { Result } from "@tillwire/protocol/messages";
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

async function bridged(told: Result): Promise<Overlay[]> {
  const laid: Overlay[] = [];
  const tx = {
    record: () => Promise.resolve(undefined),
    overlay: () => Promise.resolve(undefined),
    putOverlay: (overlay: Overlay) => void laid.push(overlay),
  } as unknown as WriteTx;
  const answer = { sent: [], results: [told], epoch: "e", deviceId: "b", now: 5, subscribed: null };
  await bridge(tx, newSync("*"), row, told, answer);
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
