import fc from "fast-check";
import { expect, test } from "vitest";
import { adjustDigest, digestOf, formatDigest, parseDigest, type DigestedRecord } from "./digest.ts";
import { sha256Hex } from "./hash.ts";

const record: fc.Arbitrary<DigestedRecord> = fc.record({
  localId: fc.stringMatching(/^[a-z0-9]{1,8}$/),
  syncVersion: fc.integer({ min: 1, max: 9 }),
  hash: fc.constantFrom("a", "b").map((letter) => letter.repeat(64)),
  deleted: fc.boolean(),
});

test("one record's share is the first 8 bytes of SHA-256 over localId|syncVersion|hash|0", () => {
  const hash = "ab".repeat(32);
  expect(formatDigest(digestOf({ localId: "x", syncVersion: 3, hash, deleted: false }))).toBe(
    sha256Hex(`x|3|${hash}|0`).slice(0, 16),
  );
  expect(formatDigest(digestOf({ localId: "x", syncVersion: 3, hash, deleted: true }))).toBe(
    sha256Hex(`x|3|${hash}|1`).slice(0, 16),
  );
});

test("order does not matter, and adding then removing leaves nothing", () => {
  fc.assert(
    fc.property(fc.array(record), fc.integer(), (records, seed) => {
      const sum = records.reduce((total, each) => adjustDigest(total, null, each), 0n);
      const shuffled = [...records].sort(
        (a, b) => ((a.localId.length * 31 + seed) % 7) - ((b.localId.length * 31 + seed) % 7),
      );
      expect(shuffled.reduce((total, each) => adjustDigest(total, null, each), 0n)).toBe(sum);
      expect(records.reduce((total, each) => adjustDigest(total, each, null), sum)).toBe(0n);
      expect(parseDigest(formatDigest(sum))).toBe(sum);
    }),
  );
});

test("a deletion changes it", () => {
  const live: DigestedRecord = { localId: "x", syncVersion: 1, hash: "a".repeat(64), deleted: false };
  expect(digestOf(live)).not.toBe(digestOf({ ...live, deleted: true }));
});
