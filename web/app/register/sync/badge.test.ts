import { describe, expect, test } from "vitest";
import type { LinkName, LinkStatus } from "@tillwire/client/api";
import { badgeOf } from "./badge.ts";

const link = (state: LinkName, more: Partial<LinkStatus> = {}): LinkStatus => ({
  state,
  transport: null,
  since: 0,
  lastContactAt: null,
  progress: null,
  paused: null,
  leader: true,
  ...more,
});

describe("badge", () => {
  test.each([
    ["live", 0, "live"],
    ["live", 3, "syncing"],
    ["offline", 0, "offline"],
    ["offline", 12, "offline"],
    ["connecting", 2, "connecting"],
    ["catching up", 2, "catching-up"],
    ["polling", 2, "polling"],
  ] as const)("link %s with %i pending is %s", (state, pending, expected) => {
    expect(badgeOf({ pending, failed: 0 }, link(state), 0)).toMatchObject({ state: expected, count: pending });
  });

  test("rejected work comes before everything else, and is what is counted", () => {
    expect(badgeOf({ pending: 4, failed: 1 }, link("offline"), 0)).toEqual({
      state: "attention",
      count: 1,
      percent: null,
    });
  });

  test("open conflicts need attention too, and are counted with the rejected writes", () => {
    expect(badgeOf({ pending: 4, failed: 0 }, link("live"), 2)).toMatchObject({ state: "attention", count: 2 });
    expect(badgeOf({ pending: 4, failed: 1 }, link("live"), 2)).toMatchObject({ state: "attention", count: 3 });
  });

  test("a paused link needs attention even with nothing rejected", () => {
    expect(badgeOf({ pending: 4, failed: 0 }, link("offline", { paused: "reauthenticate" }), 0).state).toBe(
      "attention",
    );
  });

  test("catching up never shows 100 %", () => {
    expect(
      badgeOf({ pending: 0, failed: 0 }, link("catching up", { progress: { cursor: 400, head: 1000 } }), 0).percent,
    ).toBe(40);
    expect(
      badgeOf({ pending: 0, failed: 0 }, link("catching up", { progress: { cursor: 1000, head: 1000 } }), 0).percent,
    ).toBe(99);
    expect(
      badgeOf({ pending: 0, failed: 0 }, link("catching up", { progress: { cursor: 0, head: 0 } }), 0).percent,
    ).toBeNull();
  });
});
