/** The texts in the language that people chose; components read them as `t().pay.title`. */
import { en, type Messages } from "./en.ts";

const LANGUAGES: Readonly<Record<string, Messages>> = { en };

let current = $state.raw(en);

export function t(): Messages {
  return current;
}

/** @param tags BCP 47, best first; the first language that we have texts for is taken, else English */
export function speak(tags: readonly string[]): void {
  const known = tags.map((tag) => tag.toLowerCase().split("-")[0] ?? "").find((language) => Object.hasOwn(LANGUAGES, language));
  current = LANGUAGES[known ?? "en"] ?? en;
}

/** The text for `code` in a table of texts, if there is one; codes come from the wire and may be any text. */
export function textOf<T extends object>(table: T, code: string): string | undefined {
  const text: unknown = Object.hasOwn(table, code) ? table[code as keyof T] : undefined;
  return typeof text === "string" ? text : undefined;
}
