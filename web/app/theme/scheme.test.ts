import { expect, test } from "vitest";
import { decidedQuery, readScheme } from "./scheme.ts";

const dark = "screen and (prefers-contrast: more) and (prefers-color-scheme: dark)";

test("what was chosen decides the question for the system's colours, and no other", () => {
  expect(decidedQuery(dark, "dark")).toBe("screen and (prefers-contrast: more) and (min-width: 0)");
  expect(decidedQuery(dark, "light")).toBe("screen and (prefers-contrast: more) and (max-width: 0)");
  expect(decidedQuery("(prefers-color-scheme:light)", "light")).toBe("(min-width: 0)");
  expect(decidedQuery("print", "dark")).toBe("print");
  expect(decidedQuery(dark, "system")).toBe(dark);
});
test("what can't be read is the system's", () => {
  expect([readScheme("dark"), readScheme(null), readScheme("blue")]).toEqual(["dark", "system", "system"]);
});
