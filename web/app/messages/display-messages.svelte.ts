/** The texts of the display in the shop's language: `td().columns.new`. */
import { enDisplay, type DisplayMessages } from "./en-display.ts";
import { language } from "./messages.svelte.ts";

const LANGUAGES: Readonly<Record<string, DisplayMessages>> = { en: enDisplay };

export function td(): DisplayMessages {
  return LANGUAGES[language()] ?? enDisplay;
}
