import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "./hash.ts";
import { mergeData } from "./merge.ts";

type Data = Record<string, unknown>;
const scalar = fc.oneof(fc.constantFrom("x", "y", "z"), fc.integer({ min: 0, max: 3 }), fc.constant(null));
const line = (id: string): fc.Arbitrary<Data> =>
  fc.record({ quantity: fc.integer({ min: 1, max: 3 }), notes: scalar }).map((rest) => ({ id, ...rest }));
const lines = fc
  .uniqueArray(fc.constantFrom("l1", "l2", "l3", "l4", "l5"), { maxLength: 5 })
  .chain((ids) => fc.tuple<Data[]>(...ids.map(line)));
const data: fc.Arbitrary<Data> = fc.record(
  {
    a: scalar,
    b: scalar,
    tags: fc.array(fc.constantFrom("p", "q"), { maxLength: 2 }),
    nested: fc.record({ c: scalar, d: scalar }, { requiredKeys: [] }),
    items: lines,
  },
  { requiredKeys: ["items"] },
);
const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

describe("laws of the merge", () => {
  test("merging with an unchanged side gives the other side", () => {
    fc.assert(
      fc.property(data, data, (base, other) => {
        expect(canonicalJson(mergeData(base, base, other).data)).toBe(canonicalJson(other));
        expect(canonicalJson(mergeData(base, other, base).data)).toBe(canonicalJson(other));
        expect(mergeData(base, other, base).clashes).toEqual([]);
      }),
    );
  });

  test("the same change on both sides is no conflict", () => {
    fc.assert(
      fc.property(data, data, (base, both) => {
        const merged = mergeData(base, both, both);
        expect(merged.clashes).toEqual([]);
        expect(same(merged.data, both)).toBe(true);
      }),
    );
  });

  test("edits that do not clash commute", () => {
    fc.assert(
      fc.property(data, data, data, (base, local, server) => {
        const one = mergeData(base, local, server);
        const other = mergeData(base, server, local);
        expect(one.clashes.map(({ field }) => field).sort()).toEqual(other.clashes.map(({ field }) => field).sort());
        if (one.clashes.length === 0) expect(canonicalJson(one.data)).toBe(canonicalJson(other.data));
      }),
      { numRuns: 500 },
    );
  });

  test("nothing is invented: every scalar of the result stands at that place on a side", () => {
    fc.assert(
      fc.property(data, data, data, (base, local, server) => {
        const merged = mergeData(base, local, server).data;
        for (const key of ["a", "b", "tags"])
          expect([local, server].some((side) => same(side[key] ?? null, merged[key] ?? null))).toBe(true);
        for (const member of merged["items"] as Data[]) {
          const sides = [local, server].flatMap((side) =>
            (side["items"] as Data[]).filter(({ id }) => id === member["id"]),
          );
          for (const key of ["quantity", "notes"])
            expect(sides.some((side) => same(side[key] ?? null, member[key] ?? null))).toBe(true);
        }
      }),
    );
  });

  test("nothing is silently lost: what the device changed is in the result, or listed", () => {
    fc.assert(
      fc.property(data, data, data, (base, local, server) => {
        const { data: merged, clashes } = mergeData(base, local, server);
        const listed = (field: string): boolean =>
          clashes.some((clash) => clash.field === field || field.startsWith(`${clash.field}.`));
        for (const key of ["a", "b", "tags"]) {
          const changed = !same(base[key] ?? null, local[key] ?? null);
          if (changed) expect(same(merged[key] ?? null, local[key] ?? null) || listed(key)).toBe(true);
        }
        const of = (side: Data, id: unknown): Data | undefined =>
          (side["items"] as Data[]).find((member) => member["id"] === id);
        for (const id of ["l1", "l2", "l3", "l4", "l5"]) {
          const [before, mine, now] = [of(base, id), of(local, id), of(merged, id)];
          if (same(before ?? null, mine ?? null) || listed(`items.${id}`)) continue;
          if (!mine) expect(now).toBeUndefined();
          else
            for (const key of ["quantity", "notes"])
              if (!same(before?.[key] ?? null, mine[key] ?? null))
                expect(same(now?.[key] ?? null, mine[key] ?? null) || listed(`items.${id}.${key}`)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("lines", () => {
  const base = {
    items: [
      { id: "1", quantity: 1 },
      { id: "2", quantity: 1 },
    ],
  };
  test("added on both sides both stay", () => {
    const local = { items: [...base.items, { id: "4", quantity: 1 }] };
    const server = { items: [...base.items, { id: "3", quantity: 1 }] };
    const { data: merged, clashes } = mergeData(base, local, server);
    expect((merged["items"] as Data[]).map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
    expect(clashes).toEqual([]);
  });
  test("removed on one side and changed on the other is a conflict of that line; the server's side stays", () => {
    const without = { items: [base.items[0]!] };
    const changed = { items: [base.items[0]!, { id: "2", quantity: 5 }] };
    expect(mergeData(base, without, changed)).toEqual({
      data: changed,
      clashes: [{ field: "items.2", localValue: null, serverValue: { id: "2", quantity: 5 }, resolution: "SERVER" }],
    });
    expect(mergeData(base, changed, without).data).toEqual(without);
  });
});

test("members that count: both changes count, each once", () => {
  const merged = mergeData(
    { points: 10, name: "a" },
    { points: 13, name: "b" },
    { points: 8, name: "a" },
    { sumFields: ["points"] },
  );
  expect(merged).toEqual({ data: { points: 11, name: "b" }, clashes: [] });
});

test("a member that counts and is missing on a side is a member like any other: nothing is invented from it", () => {
  const options = { sumFields: ["stock"] };
  // Introduced on both sides: the same number is meant once, and different ones clash.
  expect(mergeData({}, { stock: 10 }, { stock: 10 }, options)).toEqual({ data: { stock: 10 }, clashes: [] });
  expect(mergeData({}, { stock: 10 }, { stock: 7 }, options)).toMatchObject({
    data: { stock: 7 },
    clashes: [{ field: "stock" }],
  });
  // Given up on one side while the other counted on.
  expect(mergeData({ stock: 10 }, { stock: null }, { stock: 9 }, options)).toMatchObject({
    data: { stock: 9 },
    clashes: [{ field: "stock", localValue: null, serverValue: 9 }],
  });
});

test("counting is exact, for pieces up to the largest integer and for hundredths", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer(), fc.integer(), (before, mine, theirs) => {
      fc.pre([before + mine, before + theirs, before + mine + theirs].every(Number.isSafeInteger));
      const merged = mergeData({ n: before }, { n: before + mine }, { n: before + theirs }, { sumFields: ["n"] });
      expect(merged).toEqual({ data: { n: before + mine + theirs }, clashes: [] });
    }),
  );
  const merged = mergeData({ points: 0.3 }, { points: 0.4 }, { points: 0.5 }, { sumFields: ["points"] });
  expect(merged.data).toEqual({ points: 0.6 });
});

test("derived members are left to the collection", () => {
  expect(mergeData({ total: 1 }, { total: 2 }, { total: 3 }, { derivedFields: ["total"] })).toEqual({
    data: { total: 3 },
    clashes: [],
  });
});
