/** The texts of conflicts and of history in the language that people chose: `tc().inbox.title`. Not part of the first load. */
import { enConflicts, type ConflictMessages } from "./en-conflicts.ts";
import { language } from "./messages.svelte.ts";

const LANGUAGES: Readonly<Record<string, ConflictMessages>> = { en: enConflicts };

export function tc(): ConflictMessages {
  return LANGUAGES[language()] ?? enConflicts;
}
