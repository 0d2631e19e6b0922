/** Short ways to make planned writes and questions for a store. */
import { hashOf, TOMBSTONE_HASH } from "@tillwire/protocol/hash";
import type { AsSent, ContextQuery, PlannedRow, PlannedWrite, Position } from "../../src/store/store.ts";

export const NONE: Position = { version: 0, hash: null };

export function row(
  localId: string,
  data: object | null,
  expect: Position = NONE,
  more: Partial<PlannedRow> = {},
): PlannedRow {
  return {
    ...{ collection: "notes", localId, expect, syncVersion: expect.version + 1 },
    ...{ hash: data === null ? TOMBSTONE_HASH : hashOf(data), sentVersion: null, sentHash: null, base: expect },
    ...{ uniqueKey: null, createdBy: "a", deviceId: "a", deleted: data === null, reoffered: false, updatedAt: null },
    dataJson: data === null ? null : JSON.stringify(data),
    ...more,
  };
}

export function plan(rows: readonly PlannedRow[], more: Partial<PlannedWrite> = {}): PlannedWrite {
  const first = rows[0];
  const asSent: AsSent = {
    ...{ collection: first?.collection ?? "notes", localId: first?.localId ?? "n1", deviceId: more.sender ?? "a" },
    ...{ syncVersion: first?.syncVersion ?? 1, hash: first?.hash ?? TOMBSTONE_HASH, base: "?" },
  };
  return { sender: "a", asSent, remember: null, rows, policyVersion: null, ...more };
}

export function positionOf({ syncVersion, hash }: Pick<PlannedRow, "syncVersion" | "hash">): Position {
  return { version: syncVersion, hash };
}

export function question(localId: string, more: Partial<ContextQuery> = {}, sent: Partial<AsSent> = {}): ContextQuery {
  const asSent = {
    collection: "notes",
    localId,
    deviceId: "a",
    syncVersion: 1,
    hash: TOMBSTONE_HASH,
    base: "?",
    ...sent,
  };
  return { asSent, base: null, namedHash: null, number: null, resolves: null, openConflictKey: "none", ...more };
}
