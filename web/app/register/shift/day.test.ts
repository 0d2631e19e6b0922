import { expect, test } from "vitest";
import type { PresentDevice } from "@tillwire/protocol/messages";
import { registersBehind } from "./day.ts";

const device = (deviceId: string, more: Partial<PresentDevice> = {}): PresentDevice => ({
  ...{ deviceId, name: deviceId, role: "register", online: true, cursor: 1, pending: 0 },
  ...{ lastSeenAt: 1_000, clockOffsetMs: 0, ...more },
});
const behind = (others: readonly PresentDevice[], online = true) =>
  registersBehind([device("own"), ...others], "own", 2_000, online).map(({ deviceId }) => deviceId);

test("the shop's report waits for registers with unsent work, and for those that were not heard of since", () => {
  expect(behind([device("live"), device("busy", { pending: 2 }), device("away", { online: false })])).toEqual([
    "busy",
    "away",
  ]);
  expect(behind([device("went later", { online: false, lastSeenAt: 2_500 })])).toEqual([]);
  expect(behind([device("went with work", { online: false, lastSeenAt: 2_500, pending: 1 })])).toEqual([
    "went with work",
  ]);
});

test("displays hold no sales; a register that hears nothing knows of nobody", () => {
  expect(behind([device("board", { role: "display", pending: 3 })])).toEqual([]);
  expect(behind([device("live")], false)).toEqual(["live"]);
});
