import { expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { conflict } from "../../testing/conflict-fixtures.ts";
import { byRecord, newlyLost, openOnes } from "./open-conflicts.ts";

const record = (data: ConflictData): ReplicaRecord<ConflictData> => ({
  ...{ collection: "conflicts", localId: data.id, data, syncVersion: 1, hash: "", readAt: { version: 1, hash: null } },
  ...{ createdBy: "server", deviceId: "server", updatedAt: 0, sync: "synced" },
});
const open = record(conflict({ id: "open" }));
const settled = { status: "settled", settledAt: 1, settledBy: "server" } as const;
const lost = record(conflict({ id: "lost", ...settled, settlement: "SERVER" }));
const joined = record(conflict({ id: "joined", ...settled, settlement: "MERGED" }));

test("open conflicts are found by their record", () => {
  expect(openOnes([open, lost])).toEqual([open]);
  expect(byRecord([open]).get("orders/o1")).toBe("open");
});
test("what this register lost since is news; what was there, what was joined, and what others lost is not", () => {
  expect(newlyLost([], [joined, lost], "d1")?.id).toBe("lost");
  expect(newlyLost([lost], [lost, open], "d1")?.id).toBe("open");
  expect(newlyLost([lost, open], [lost, open, joined], "d1")).toBeNull();
  expect(newlyLost([], [open, lost], "d2")).toBeNull();
});
