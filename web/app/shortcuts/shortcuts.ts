/** The one place that listens to keys: whoever has a shortcut adds it here, and takes it back when leaving the screen. */

export interface Keys {
  /** As people read it on a key: "F9", "Alt + 1", "0–9". */
  readonly label: string;
  matches(event: KeyPress): boolean;
}
export type KeyPress = Pick<KeyboardEvent, "key" | "code" | "altKey" | "ctrlKey" | "metaKey" | "shiftKey">;

export interface Shortcut {
  readonly keys: Keys;
  /** What it does, in the language that is spoken; asked for when the list is shown. */
  readonly what: () => string;
  run(event: KeyPress): void;
  /** Part of a dialog, where the page's own shortcuts are silent. */
  readonly inDialog?: boolean;
  /** Not now: the key is then left to the browser. */
  readonly off?: () => boolean;
}

/** Where a key was pressed. */
export interface KeyPlace {
  /** In a field that takes text: keys that write something belong to it. */
  readonly typing: boolean;
  /** A dialog is open. */
  readonly dialog: boolean;
}

export class Shortcuts {
  #all: readonly Shortcut[] = [];

  /** @returns what takes it back: `onDestroy(shortcuts.add({ ... }))` */
  add(shortcut: Shortcut): () => void {
    this.#all = [...this.#all, shortcut];
    return () => (this.#all = this.#all.filter((each) => each !== shortcut));
  }
  /** Those that the screen has now, in the order in which they came. */
  get all(): readonly Shortcut[] {
    return this.#all;
  }
  /** Of several with one key the last added counts. @returns whether it was a shortcut, which the browser should not see then */
  press(event: KeyPress, { typing, dialog }: KeyPlace): boolean {
    if (typing && writes(event)) return false;
    const found = this.#all.findLast(
      (shortcut) => (shortcut.inDialog ?? false) === dialog && shortcut.keys.matches(event) && !shortcut.off?.(),
    );
    found?.run(event);
    return found !== undefined;
  }
}

/**
 * One key by its name in `KeyboardEvent.key`. With Alt a letter or digit is meant as it is printed on the key, whatever
 * Alt makes of it. Barcode scanners write letters and digits: a shortcut of one of these alone would answer to them.
 */
export function key(name: string, modifier?: "Alt"): Keys {
  return {
    label: modifier ? `${modifier} + ${name.toUpperCase()}` : name,
    matches: (event) =>
      event.altKey === (modifier === "Alt") && !event.ctrlKey && !event.metaKey && nameOf(event) === name.toLowerCase(),
  };
}

/** Any key of a kind, without modifiers. */
export function keysLike(label: string, pattern: RegExp): Keys {
  return { label, matches: (event) => plain(event) && pattern.test(event.key) };
}

function nameOf({ altKey, key: pressed, code }: KeyPress): string {
  const printed = altKey ? /^(?:Key|Digit)(.)$/.exec(code)?.[1] : undefined;
  return (printed ?? pressed).toLowerCase();
}
function plain({ altKey, ctrlKey, metaKey }: KeyPress): boolean {
  return !altKey && !ctrlKey && !metaKey;
}
function writes(event: KeyPress): boolean {
  return plain(event) && (event.key.length === 1 || ["Backspace", "Delete", "Enter"].includes(event.key));
}

/** @returns what stops it */
export function listen(shortcuts: Shortcuts, onKey: (run: (event: KeyboardEvent) => void) => () => void): () => void {
  return onKey((event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const dialog = document.querySelector('[role="dialog"],[role="alertdialog"]') !== null;
    if (shortcuts.press(event, { typing: takesText(event.target), dialog })) event.preventDefault();
  });
}

function takesText(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !["radio", "checkbox", "button"].includes(target.type);
  return target instanceof HTMLElement && target.matches("textarea, select, [contenteditable]");
}
