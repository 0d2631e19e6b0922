import { expect, test } from "vitest";
import { keptStatus, newMismatches } from "./device-status.ts";

test("S12: a mismatch is counted once, however many heartbeats tell of it", () => {
  expect(newMismatches({}, { digestsEqual: true, digestMismatches: 3 })).toBe(0);
  expect(newMismatches({ digestsEqual: true, digestMismatches: 3 }, { digestsEqual: false, digestMismatches: 5 })).toBe(
    2,
  );
  expect(
    newMismatches({ digestsEqual: false, digestMismatches: 5 }, { digestsEqual: false, digestMismatches: 5 }),
  ).toBe(0);
});

test("a device that was found unequal while it had no session tells of it in its next hello", () => {
  expect(newMismatches({}, { digestsEqual: false, digestMismatches: 1 })).toBe(1);
});

test("devices that don't count tell of one when they cease to be equal", () => {
  expect(newMismatches({}, { digestsEqual: false })).toBe(1);
  expect(newMismatches({ digestsEqual: false }, { digestsEqual: false })).toBe(0);
  expect(newMismatches({ digestsEqual: true }, { digestsEqual: false })).toBe(1);
});

test("a replica that was set up anew counts from nothing, and a status without digests says nothing of them", () => {
  expect(newMismatches({ digestMismatches: 4 }, { digestMismatches: 0, digestsEqual: true })).toBe(0);
  expect(newMismatches({ digestsEqual: false, digestMismatches: 4 }, {})).toBe(0);
});

test("a clock that is as far off as a number can say is told so that the message stays one", () => {
  expect(keptStatus({ clock: 1_005 }, 1_000)).toEqual({ clockOffsetMs: 5 });
  const { clockOffsetMs } = keptStatus({ clock: Number.MIN_SAFE_INTEGER }, 1_767_225_600_000);
  expect(Number.isSafeInteger(clockOffsetMs)).toBe(true);
});
