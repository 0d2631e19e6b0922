import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { checkData, collectionSet, defineCollection } from "./collection.ts";
import { withCompiledSchemas } from "./compiled-schemas.ts";
import { SHOP_COLLECTIONS } from "./pos/shop.ts";

const notes = defineCollection({ name: "notes", schema: z.looseObject({ text: z.string(), lines: z.array(z.int()) }) });
const declared = collectionSet([notes]);

function verdict(set: typeof declared, data: unknown): unknown {
  try {
    return checkData(set.get("notes")!, data);
  } catch (error) {
    return { ...(error as object), message: (error as Error).message };
  }
}

describe("compiled schemas", () => {
  test.each([
    { text: "a", lines: [1, 2], more: { kept: null } },
    { text: "a", lines: [1.5] },
    { text: 1, lines: [] },
    { lines: [] },
    [],
    "text",
  ])("say the same as the declared ones, in the same words: %j", (data) => {
    expect(verdict(withCompiledSchemas(declared), data)).toEqual(verdict(declared, data));
  });

  test("leave the declaration as it is but for its schema, and are made once for a set", () => {
    const compiled = withCompiledSchemas(SHOP_COLLECTIONS);
    expect(withCompiledSchemas(SHOP_COLLECTIONS)).toBe(compiled);
    for (const [name, { schema, ...rest }] of compiled) {
      const { schema: former, ...before } = SHOP_COLLECTIONS.get(name)!;
      expect(rest).toEqual(before);
      // one that can't be compiled stays what it was
      expect(schema, name).not.toBe(former);
    }
  });
});
