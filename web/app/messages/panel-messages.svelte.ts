/** The texts of the sync panel in the language that people chose: `tp().waiting`. Not part of the first load. */
import { enPanel, type PanelMessages } from "./en-panel.ts";
import { language } from "./messages.svelte.ts";

const LANGUAGES: Readonly<Record<string, PanelMessages>> = { en: enPanel };

export function tp(): PanelMessages {
  return LANGUAGES[language()] ?? enPanel;
}
