import { LIMITS } from "@tillwire/protocol/limits";
import { pushedSchema, type Result } from "@tillwire/protocol/messages";
import { expect, test } from "vitest";
import { encodeAnswer } from "./push-answer.ts";

const lost = (index: number, bytes: number): Result => ({
  ...{ collection: "orders", localId: `o${index}`, outcome: "conflict", seq: index + 1, syncVersion: 2 },
  ...{ hash: "a".repeat(64), deleted: false, updatedAt: 1, data: { notes: "嗨".repeat(bytes / 6) } },
  conflict: {
    ...{ id: `c-${index}`, kind: "HASH_MISMATCH", policy: "MANUAL" },
    fields: [{ field: "notes", localValue: "x", serverValue: "嗨".repeat(bytes / 6), resolution: "OPEN" }],
  },
});
const answered = (results: Result[]) => {
  const text = encodeAnswer("p-1", results);
  return { bytes: Buffer.byteLength(text), ...pushedSchema.parse(JSON.parse(text)) };
};

test("an answer tells all that it has room for", () => {
  const results = Array.from({ length: 500 }, (_, i) => lost(i, 1_200));
  expect(answered(results)).toMatchObject({ type: "pushed", id: "p-1", results });
});

test("L1: five hundred large records in conflict make no answer that is larger than a message", () => {
  const results = Array.from({ length: 500 }, (_, i) => lost(i, 240_000));
  const { bytes, results: told } = answered(results);
  expect(bytes).toBeLessThanOrEqual(LIMITS.messageBytes);
  expect(told).toHaveLength(500);
  expect(told[0], "as many as there is room for are told whole").toEqual(results[0]);
  for (const [index, { data: _, conflict, ...rest }] of results.entries()) {
    expect(told[index], "what became of each is told").toMatchObject(rest);
    expect(told[index]!.conflict).toMatchObject({ id: conflict!.id, kind: "HASH_MISMATCH", policy: "MANUAL" });
  }
  expect(told.at(-1), "the feed has it").not.toHaveProperty("data");
  expect(told.at(-1)!.conflict!.fields).toEqual([]);
});

test("a deletion is told whatever there is room for", () => {
  const results = Array.from({ length: 20 }, (_, i) => lost(i, 240_000));
  const { results: told } = answered([...results, { ...lost(20, 0), deleted: true, data: null }]);
  expect(told.at(-1)).toMatchObject({ deleted: true, data: null });
});
