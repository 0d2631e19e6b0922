import { expect, test } from "vitest";
import { admin } from "../messages/en/admin.ts";
import { speech } from "../testing/conflict-fixtures.ts";
import { textsFrom } from "../testing/texts.ts";
import { actionText, actorName, detailTexts } from "./audit-words.ts";

const words = textsFrom(admin);
const entry = (actor: string, action: string, details: Record<string, unknown> = {}) => ({
  ...{ id: 1, at: 0, actor, action, details },
});

test("who did it is a name", () => {
  expect(["admin", "server", "d1"].map((actor) => actorName(entry(actor, ""), words, speech))).toEqual([
    "Administrator",
    "Server",
    "Till 1",
  ]);
});
test("a changed rule tells which, from what and to what", () => {
  const changed = entry("admin", "policy.changed", { orders: { from: null, to: "MANUAL" } });
  expect(actionText(changed, words)).toBe("Changed a rule");
  expect(detailTexts(changed, words, speech)).toEqual(["Orders: as built in → A person decides"]);
});
test("devices have names, ids of the machinery are left out, and actions of a newer server are shown as they are", () => {
  const copied = entry("server", "device.copied", { deviceId: "d2", epoch: "e-1" });
  expect(detailTexts(copied, words, speech)).toEqual(["Till 2"]);
  const revoked = entry("admin", "device.revoked", { deviceId: "d2", name: "Till 2", role: "register" });
  expect(detailTexts(revoked, words, speech)).toEqual(["Till 2", "Register"]);
  expect(actionText(entry("admin", "toString"), words)).toBe("toString");
});
