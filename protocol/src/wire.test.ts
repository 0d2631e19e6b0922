import * as z from "zod/mini";
import { describe, expect, test } from "vitest";
import { ERRORS, REJECTIONS } from "./errors.ts";
import { hashOf, sha256Hex } from "./hash.ts";
import { LIMITS } from "./limits.ts";
import {
  deviceMessageSchema,
  enrolRequestSchema,
  enrolResponseSchema,
  historySchema,
  httpPushSchema,
  httpStatusSchema,
  markingSchema,
  policiesRequestSchema,
  serverMessageSchema,
  writeSchema,
} from "./messages.ts";
import { SHOP_COLLECTIONS } from "./pos/shop.ts";
import { PROTOCOL_VERSION } from "./version.ts";

/** One hash over every message, code and limit: the wire can't change unnoticed. */
function wireFingerprint(): string {
  const schemas = [
    deviceMessageSchema,
    serverMessageSchema,
    writeSchema,
    httpPushSchema,
    httpStatusSchema,
    markingSchema,
    enrolRequestSchema,
    enrolResponseSchema,
    historySchema,
    policiesRequestSchema,
  ];
  const shapes = schemas.map((schema) => z.toJSONSchema(schema as z.ZodMiniType, { unrepresentable: "any" }));
  const shop = [...SHOP_COLLECTIONS.values()].map(({ name, schema, policy, writableBy, uniqueBy, appendOnly }) => ({
    name,
    policy,
    writableBy,
    uniqueBy,
    appendOnly,
    shape: z.toJSONSchema(schema, { unrepresentable: "any" }),
  }));
  return sha256Hex(JSON.stringify([PROTOCOL_VERSION, shapes, shop, ERRORS, REJECTIONS, LIMITS]));
}

describe("the wire", () => {
  test("is what it was: whoever changes it changes this line too, and thinks of devices that speak the old one", () => {
    expect(wireFingerprint()).toBe("40ce42437d9b6c64d3ad0e9c08b028e952b22b8613380f36b37f211fc95e282e");
  });

  test("a hash that other languages can check theirs against", () => {
    expect(
      hashOf({ id: "1", total: 4.54, items: [{ name: "Bagel — sésame 🥯", notes: null }], createdAt: 1735689600000 }),
    ).toBe("9c4c8992d77638744f7331a63d7b45196bcb36cf998be707907d48b569a98bde");
  });
});

describe("messages", () => {
  test.each([
    { type: "hello", protocol: 1, token: "t", syncToken: null },
    { type: "push", id: "p-17", writes: [] },
    { type: "pull", syncToken: null },
    {
      type: "status",
      cursor: 42,
      pending: 3,
      oldestPendingAt: 1767225600000,
      failed: 0,
      conflicts: 1,
      clock: 1767225612000,
    },
    { type: "ping", clock: 1767225612000 },
  ])("%j is one", (message) => {
    expect(deviceMessageSchema.safeParse(message).success).toBe(true);
  });

  test.each([
    {},
    { type: "constructor" },
    { type: "hello", protocol: 1, token: "t", syncToken: null, collections: [] },
    { type: "push", id: "", writes: [] },
    { type: "push", id: "p", writes: new Array(501).fill({}) },
    { type: "status", pending: -1 },
  ])("%j is none", (message) => {
    expect(deviceMessageSchema.safeParse(message).success).toBe(false);
  });

  test("members that nobody knows yet are no error", () => {
    expect(deviceMessageSchema.parse({ type: "ping", clock: 1, later: true })).toEqual({ type: "ping", clock: 1 });
  });
});

test("a result with a conflict kind that is newer than this build is still a result", () => {
  const conflict = { id: "c-1", kind: "SOMETHING_NEW", policy: "SOMETHING_ELSE", fields: [] };
  const result = { collection: "orders", localId: "o1", outcome: "conflict", seq: 7, conflict };
  expect(serverMessageSchema.safeParse({ type: "pushed", id: "p-1", results: [result] }).success).toBe(true);
});
