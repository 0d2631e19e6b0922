/** The texts in the language that people chose; components read them as `t().pay.title`. */
import { en, type Messages } from "./en.ts";

const LANGUAGES: Readonly<Record<string, Messages>> = { en };

let chosen = $state("en");

export function t(): Messages {
  return LANGUAGES[chosen] ?? en;
}

/** Key of the chosen language in tables of texts like the one above. */
export function language(): string {
  return chosen;
}

/** @param tags BCP 47, best first; the first language that we have texts for is taken, else English */
export function speak(tags: readonly string[]): void {
  const known = tags.map((tag) => tag.toLowerCase().split("-")[0] ?? "").find((each) => Object.hasOwn(LANGUAGES, each));
  chosen = known ?? "en";
}
