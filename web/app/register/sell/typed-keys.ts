/** The keyboard's digits, for a keypad in a dialog. */
import { key, keysLike, type Shortcuts } from "../../shortcuts/shortcuts.ts";

interface Typed {
  readonly what: () => string;
  readonly erase: () => string;
  readonly ontype: (digit: string) => void;
  readonly onerase: () => void;
  /** Not now: another field takes the digits. */
  readonly off?: () => boolean;
}

/** @returns what takes it back */
export function typedKeys(
  shortcuts: Shortcuts,
  { what, erase, ontype, onerase, off = () => false }: Typed,
): () => void {
  const run = ({ key: digit }: { readonly key: string }) => ontype(digit);
  const taken = [
    shortcuts.add({ keys: keysLike("0–9", /^\d$/), what, run, inDialog: true, off }),
    shortcuts.add({ keys: key("Backspace"), what: erase, run: onerase, inDialog: true, off }),
  ];
  return () => taken.forEach((takeBack) => takeBack());
}
