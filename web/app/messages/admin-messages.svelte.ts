/** The texts of the back office in the language that people chose: `ta().devices.label`. */
import { enAdmin, type AdminMessages } from "./en-admin.ts";
import { language } from "./messages.svelte.ts";

const LANGUAGES: Readonly<Record<string, AdminMessages>> = { en: enAdmin };

export function ta(): AdminMessages {
  return LANGUAGES[language()] ?? enAdmin;
}
