import { expect, test } from "vitest";
import type { StaffMember } from "@tillwire/protocol/pos/catalogue";
import { isGuarded, isIdle, membersWithPin, whyNotSaved } from "./members.ts";
import { afterWrong, NO_TRIES, readTries, waitMs } from "./pin-tries.ts";

const member = (id: string, more: Partial<StaffMember> = {}): StaffMember => {
  return { id, name: id, role: "cashier", pinHash: "h", isActive: true, ...more };
};
const sam = member("Sam", { role: "manager" });
const alex = member("Alex");

test("people sign in from the first manager with a PIN on", () => {
  expect(isGuarded([])).toBe(false);
  expect(isGuarded([{ ...sam, pinHash: null }, alex])).toBe(false);
  expect(isGuarded([{ ...sam, isActive: false }])).toBe(false);
  expect(isGuarded([sam])).toBe(true);
  expect(membersWithPin([sam, alex, member("Robin", { pinHash: null })])).toEqual([alex, sam]);
});

test("the last manager can't be demoted, deactivated or left without a PIN; of two, one can", () => {
  const ways: Partial<StaffMember>[] = [{ role: "cashier" }, { isActive: false }, { pinHash: null }];
  for (const change of ways) {
    expect(whyNotSaved([sam, alex], { ...sam, ...change })).toBe("LAST_MANAGER");
    const kim = member("Kim", { role: "manager" });
    expect(whyNotSaved([sam, kim], { ...sam, ...change })).toBe(change.pinHash === null ? "PIN_MISSING" : null);
  }
});

test("a name is needed and is nobody else's; the first PIN is a manager's", () => {
  expect(whyNotSaved([sam], member("new", { name: " " }))).toBe("NAME_MISSING");
  expect(whyNotSaved([sam], member("new", { name: "sam " }))).toBe("NAME_TAKEN");
  expect(whyNotSaved([sam, { ...alex, isActive: false }], member("new", { name: "Alex" }))).toBeNull();
  expect(whyNotSaved([], alex)).toBe("FIRST_MANAGER");
  expect(whyNotSaved([], { ...alex, pinHash: null })).toBeNull();
  expect(whyNotSaved([], sam)).toBeNull();
});

test("after five wrong PINs everybody waits half a minute, after each further one again; a clock put back adds nothing", () => {
  let tries = NO_TRIES;
  for (let count = 0; count < 4; count++) tries = afterWrong(tries, 1_000);
  expect(waitMs(tries, 1_000)).toBe(0);
  tries = readTries(JSON.stringify(afterWrong(tries, 1_000)));
  expect(waitMs(tries, 1_000)).toBe(30_000);
  expect(waitMs(tries, 31_000)).toBe(0);
  expect(waitMs(tries, -1_000_000)).toBe(30_000);
  expect(waitMs(afterWrong(tries, 31_000), 31_000)).toBe(30_000);
  expect(readTries("nonsense")).toEqual(NO_TRIES);
});

test("a register locks after the chosen time without a touch, or never", () => {
  const session = { memberId: "Sam", at: 1_000 };
  expect(isIdle(session, 60_000, 60_999)).toBe(false);
  expect(isIdle(session, 60_000, 61_000)).toBe(true);
  expect(isIdle(session, null, 1e12)).toBe(false);
});
