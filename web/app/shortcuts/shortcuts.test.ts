import { expect, test } from "vitest";
import { key, keysLike, Shortcuts, type Keys, type KeyPress } from "./shortcuts.ts";

const page = { typing: false, dialog: false };
const press = (pressed: string, more: Partial<KeyPress> = {}): KeyPress => ({
  ...{ key: pressed, code: "", altKey: false, ctrlKey: false, metaKey: false, shiftKey: false },
  ...more,
});

function shortcutsOf(
  ...entries: readonly [keys: Keys, what: string, more?: { inDialog?: boolean; off?: () => boolean }][]
) {
  const done: string[] = [];
  const shortcuts = new Shortcuts();
  const taken = entries.map(([keys, what, more]) =>
    shortcuts.add({ keys, what: () => what, run: () => done.push(what), ...more }),
  );
  return { shortcuts, done, takeBack: (index: number) => taken[index]?.() };
}

test("a key does what was last added for it, and what was before when that is taken back", () => {
  const { shortcuts, done, takeBack } = shortcutsOf([key("F9"), "pay"], [key("F9"), "print"]);
  expect(shortcuts.press(press("F9"), page)).toBe(true);
  takeBack(1);
  shortcuts.press(press("F9"), page);
  takeBack(0);
  expect(shortcuts.press(press("F9"), page)).toBe(false);
  expect(done).toEqual(["print", "pay"]);
});

test("keys that write belong to the field that is typed in; function keys do not", () => {
  const { shortcuts, done } = shortcutsOf([key("/"), "search"], [key("F9"), "pay"], [key("Backspace"), "erase"]);
  for (const name of ["/", "Backspace", "F9"]) shortcuts.press(press(name), { ...page, typing: true });
  expect(done).toEqual(["pay"]);
});

test("over a dialog only its own shortcuts act, and without one they do not", () => {
  const { shortcuts, done } = shortcutsOf([key("F9"), "pay"], [keysLike("0–9", /^\d$/), "digit", { inDialog: true }]);
  shortcuts.press(press("F9"), { ...page, dialog: true });
  shortcuts.press(press("7"), { ...page, dialog: true });
  shortcuts.press(press("7"), page);
  expect(done).toEqual(["digit"]);
});

test("what is off leaves its key to the browser", () => {
  const { shortcuts } = shortcutsOf([key("F9"), "pay", { off: () => true }]);
  expect(shortcuts.press(press("F9"), page)).toBe(false);
});

test.each<[string, Keys, KeyPress, boolean]>([
  ["a question mark, which needs Shift", key("?"), press("?", { shiftKey: true }), true],
  ["a capital", key("u"), press("U", { shiftKey: true }), true],
  ["Alt with what Alt makes of the digit", key("1", "Alt"), press("¡", { altKey: true, code: "Digit1" }), true],
  ["the digit without Alt", key("1", "Alt"), press("1", { code: "Digit1" }), false],
  [
    "AltGr, which some systems tell as Ctrl and Alt",
    key("q", "Alt"),
    press("@", { altKey: true, ctrlKey: true, code: "KeyQ" }),
    false,
  ],
  ["the browser's own reload", key("r"), press("r", { ctrlKey: true }), false],
])("%s", (_claim, keys, event, expected) => {
  expect(keys.matches(event)).toBe(expected);
});
