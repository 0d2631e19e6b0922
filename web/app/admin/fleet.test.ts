import { expect, test } from "vitest";
import type { FleetDevice } from "./admin-api.ts";
import { sortFleet, unsentOf } from "./fleet.ts";

const device = (name: string, change: Partial<FleetDevice> = {}): FleetDevice => ({
  ...{ deviceId: name, name, role: "register", registerCode: "A1", online: true, lastSeenAt: 0, revokedAt: null },
  ...{ copiedAt: null, pending: 0, oldestPendingAt: null, failed: 0, clockOffsetMs: 0, digestsEqual: true },
  ...{ digestMismatches: 0, cursorLag: 0, app: null, attention: [] },
  ...change,
});

test("who has not synced is on top, the oldest work first; revoked devices are last", () => {
  const fleet = [
    device("fine"),
    device("revoked", { revokedAt: 5, online: false }),
    device("away", { online: false }),
    device("copied", { attention: ["COPIED"] }),
    device("young", { pending: 1, oldestPendingAt: 20 }),
    device("old", { pending: 3, oldestPendingAt: 10, online: false }),
    device("revoked with work", { pending: 2, oldestPendingAt: 30, revokedAt: 5 }),
  ];
  const names = sortFleet(fleet).map(({ name }) => name);
  expect(names).toEqual(["old", "young", "revoked with work", "copied", "away", "fine", "revoked"]);
  expect(unsentOf(fleet)).toEqual({ devices: 3, writes: 6, certain: false });
  expect(unsentOf([device("here", { pending: 2 })]).certain).toBe(true);
});
