import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { conflictDocument } from "./conflict-document.ts";

test("server/CONFLICTS.md shows the table that the tests play: `npx tsx scripts/conflict-table.ts` writes it", () => {
  const written = readFileSync(resolve(import.meta.dirname, "../../server/CONFLICTS.md"), "utf8");
  expect(written).toBe(conflictDocument());
});
