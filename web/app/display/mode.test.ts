import { expect, test } from "vitest";
import { displayMode } from "./mode.ts";

test("the address chooses and is remembered; nothing chosen is the kitchen", () => {
  const kept = new Map<string, string>();
  const memory = {
    read: (key: string) => kept.get(key) ?? null,
    write: (key: string, text: string | null) => void (text === null ? kept.delete(key) : kept.set(key, text)),
  };
  expect(displayMode("", memory)).toBe("kitchen");
  expect(displayMode("?mode=nonsense", memory)).toBe("kitchen");
  expect(displayMode("?mode=customer", memory)).toBe("customer");
  expect(displayMode("", memory)).toBe("customer");
  expect(displayMode("?mode=kitchen", memory)).toBe("kitchen");
  expect(displayMode("", memory)).toBe("kitchen");
});
