/** Barcode scanners are keyboards: their codes are caught wherever the focus is, and never reach what has it. */
import type { Environment } from "../../environment.ts";
import { ScanReader } from "./scan-reader.ts";

type Field = HTMLInputElement | HTMLTextAreaElement;

/** @returns what stops it */
export function watchScanner(env: Pick<Environment, "onKey">, oncode: (code: string) => void): () => void {
  const reader = new ScanReader();
  /** The field that the code is typed into, and what stood there before. */
  let field: { readonly element: Field; readonly value: string } | null = null;
  return env.onKey((event) => {
    if (event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (reader.isFresh(event.timeStamp)) field = fieldOf(event.target);
    const code = reader.press(event.key, event.timeStamp);
    if (code === null) return;
    // Enter must neither press the button that has the focus nor add what a search found
    event.preventDefault();
    event.stopImmediatePropagation();
    if (field) {
      field.element.value = field.value;
      field.element.dispatchEvent(new Event("input", { bubbles: true }));
    }
    oncode(code);
  }, true);
}

function fieldOf(target: EventTarget | null): { element: Field; value: string } | null {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return null;
  return ["radio", "checkbox", "button"].includes(target.type) ? null : { element: target, value: target.value };
}
