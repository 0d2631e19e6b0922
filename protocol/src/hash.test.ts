import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WriteRejection } from "./errors.ts";
import { canonicalForm, canonicalJson, hashOf, TOMBSTONE_HASH } from "./hash.ts";
import { sha256Hex as nobleSha256 } from "./sha256-noble.ts";
import { sha256Hex as nodeSha256 } from "./sha256-node.ts";

/** The deviation from RFC 8785: members that are null are dropped at every depth, array elements stay. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([key, member]) => [key, withoutNulls(member)]),
  );
}

const storableText = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));
const storableJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    storableText,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(storableText, tie("value"), { maxKeys: 4 }),
  ),
})).value;

describe("canonical JSON", () => {
  test("is that of RFC 8785, but for null members", () => {
    fc.assert(
      fc.property(storableJson, (value) => canonicalJson(value) === canonicalize(withoutNulls(value))),
      { numRuns: 2_000 },
    );
  });

  test("is the same for a value and its reading", () => {
    fc.assert(
      fc.property(storableJson, (value) => canonicalJson(JSON.parse(canonicalJson(value))) === canonicalJson(value)),
    );
  });

  test("the RFC's own example of sorting and of numbers", () => {
    const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
    expect(Object.values(JSON.parse(canonicalJson(value)) as object)).toHaveLength(7);
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
    expect(canonicalJson([Number("333333333.33333329"), 1e30, 4.5, 2e-3, 1e-27, -0])).toBe(
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
    );
  });

  test.each([
    ["U+0000", { a: "\0" }, "TEXT_INVALID"],
    ["U+0000 in a key", { "\0": 1 }, "TEXT_INVALID"],
    ["half a surrogate pair", { a: "\ud800x" }, "TEXT_INVALID"],
    ["the other half", { a: "x\udc00" }, "TEXT_INVALID"],
    ["infinity", { a: JSON.parse("1e400") as number }, "NUMBER_INVALID"],
    ["what nests too deep", JSON.parse(`${"[".repeat(33)}${"]".repeat(33)}`), "JSON_TOO_DEEP"],
    ["a function", { a: () => 1 }, "WRITE_MALFORMED"],
  ])("refuses %s", (_, value, code) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code }) as WriteRejection);
  });
});

describe("the hash", () => {
  test("of null is the tombstone's", () => {
    expect(TOMBSTONE_HASH).toBe("74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b");
    expect(hashOf(null)).toBe(TOMBSTONE_HASH);
  });

  test("is the same from node:crypto and from noble, which browsers use in insecure contexts", () => {
    fc.assert(fc.property(storableText, (text) => nobleSha256(text) === nodeSha256(text)));
  });

  test("does not see nulls or the order of members", () => {
    expect(hashOf({ b: [null, { x: null }], a: 1, c: null })).toBe(hashOf({ a: 1, b: [null, {}] }));
  });
});

test("a canonical text is whole unless a member was dropped, at whatever depth and whatever was written before", () => {
  const whole = (value: unknown) => canonicalForm(value).isWhole;
  expect([whole({ a: [{ b: null }] }), whole({ a: [null, { b: 0 }] }), whole({ a: undefined }), whole([])]).toEqual([
    ...[false, true, false, true],
  ]);
  expect(() => canonicalForm({ a: null, b: Number.NaN })).toThrow();
  expect(whole({ b: 1 })).toBe(true);
  fc.assert(
    fc.property(storableJson, (value) => {
      const { text, isWhole } = canonicalForm(value);
      return isWhole === (text === canonicalize(value));
    }),
  );
});
