import { describe, expect, test } from "vitest";
import { conflict, order, speech } from "../testing/conflict-fixtures.ts";
import { conflictTitle, kindText, outcomeText, ownDecision, policyText, settledByText } from "./conflict-words.ts";
import { serverValueOf, sidesOf } from "./sides.ts";

const settled = { status: "settled", settlement: "SERVER", settledBy: "d3", settledAt: 9 } as const;
const attempt = { syncVersion: 4, hash: "4".repeat(64), deleted: false, deviceId: "d1", at: 8, data: order() };

describe("a conflict in words", () => {
  test("names the record, by the side that is left where one is deleted", () => {
    expect(conflictTitle(conflict(), speech)).toBe("Order A1-000007");
    expect(conflictTitle(conflict({}, order(), null), speech)).toBe("Order A1-000007");
  });
  test("says whose version stands, who settled it, and when", () => {
    expect(outcomeText(conflict(), speech)).toBe("Needs a decision");
    expect(outcomeText(conflict(settled), speech)).toBe("The version of Till 2 stands");
    expect(outcomeText(conflict({ ...settled, settlement: "CLIENT" }), speech)).toBe("The version of Till 1 stands");
    expect(settledByText(conflict(settled), speech)).toBe("Settled by Till 3, at 9");
    expect(settledByText(conflict({ ...settled, settledBy: "server" }), speech)).toBe(
      "Settled by the shop’s rule, at 9",
    );
  });
  test("kinds and policies of a newer server have words too", () => {
    expect(kindText("__proto__", speech)).toBe(speech.words.kinds.other);
    expect(policyText("toString", speech)).toBe(speech.words.policies.other);
  });
  test("tells a person whose decision came too late who was faster, or that the record went on", () => {
    expect(ownDecision(conflict(settled), "d1")).toEqual({ state: "none" });
    expect(ownDecision(conflict({ ...settled, attempts: [attempt] }), "d1")).toEqual({ state: "too late", by: "d3" });
    expect(ownDecision(conflict({ attempts: [attempt] }), "d1")).toEqual({ state: "moved on", by: "d2" });
    expect(ownDecision(conflict({ attempts: [attempt] }), "d2")).toEqual({ state: "none" });
    expect(ownDecision(conflict({ ...settled, attempts: [attempt], settledBy: "d1" }), "d1")).toEqual({
      state: "done",
    });
  });
});

describe("the two sides", () => {
  const heads = (ownId: string | null) =>
    sidesOf(conflict(), "d2", ownId, speech).map(({ name, role }) => [name, role]);
  test("a register's own comes first, whichever it is; for others what stands does", () => {
    expect(heads("d1")).toEqual([
      ["Till 1 (this register)", "client"],
      ["Till 2", "server"],
    ]);
    expect(heads("d2")).toEqual([
      ["Till 2 (this register)", "server"],
      ["Till 1", "client"],
    ]);
    expect(heads("d3")).toEqual([
      ["Till 2", "server"],
      ["Till 1", "client"],
    ]);
  });
  test("one device on both sides is told apart", () => {
    expect(sidesOf(conflict(), "d1", "d1", speech).map(({ name }) => name)).toEqual(["Till 1 (2)", "Till 1 (1)"]);
  });
});

describe("what the server holds", () => {
  const record = {
    data: order({ notes: "newer" }),
    deviceId: "d3",
    updatedAt: 7,
    hash: "9".repeat(64),
    sync: "synced" as const,
    readAt: { version: 5, hash: "9".repeat(64) },
  };
  test("is the record's newest value, and its position is what a decision is made on", () => {
    expect(serverValueOf(conflict(), record, true)).toMatchObject({
      data: { notes: "newer" },
      deviceId: "d3",
      newer: true,
      readAt: { version: 5 },
    });
    expect(serverValueOf(conflict(), undefined, true)).toMatchObject({ data: null, newer: true });
  });
  test("is what the replica knows to be beneath this register's own edit", () => {
    const own = { ...record, sync: "attention" as const, conflict: "c1", data: order(), server: record };
    expect(serverValueOf(conflict(), own, true)).toMatchObject({ data: { notes: "newer" }, newer: true });
    const gone = { ...own, server: { ...record, data: null } };
    expect(serverValueOf(conflict(), gone, true)).toMatchObject({ data: null, newer: true });
  });
  test("is not this register's own edit on top of it, and of a settled conflict what stood then", () => {
    expect(serverValueOf(conflict(), { ...record, sync: "attention", conflict: "c1" }, true)).toMatchObject({
      deviceId: "d2",
      newer: false,
      readAt: { version: 2 },
    });
    expect(serverValueOf(conflict(settled), record, true)).toMatchObject({ deviceId: "d2", newer: false });
  });
});
