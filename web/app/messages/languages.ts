/** The languages that the app speaks, and where their message files are. */
import type { admin } from "./en/admin.ts";
import type { conflicts } from "./en/conflicts.ts";
import type { display } from "./en/display.ts";
import type { orders } from "./en/orders.ts";
import type { panel } from "./en/panel.ts";
import type { register } from "./en/register.ts";
import type { selling } from "./en/selling.ts";
import type { settings } from "./en/settings.ts";
import type { shift } from "./en/shift.ts";
import type { staff } from "./en/staff.ts";
import type { Texts, Translation } from "./texts.ts";

/** English is the language that the others are measured by. */
interface Messages {
  readonly register: typeof register;
  readonly panel: typeof panel;
  readonly orders: typeof orders;
  readonly selling: typeof selling;
  readonly settings: typeof settings;
  readonly shift: typeof shift;
  readonly staff: typeof staff;
  readonly conflicts: typeof conflicts;
  readonly display: typeof display;
  readonly admin: typeof admin;
}
/** A message file: loaded with the part of the app that reads it. */
export type MessagePart = keyof Messages;
export type TextsOf<Part extends MessagePart> = Texts<Messages[Part]>;

interface LanguageFiles {
  readonly direction: "ltr" | "rtl";
  readonly files: { readonly [Part in MessagePart]: () => Promise<Translation<Messages[Part]>> };
}

// Every import by its name: each becomes a file of its own, and only those of the language in use are loaded.
export const LANGUAGES = {
  en: {
    direction: "ltr",
    files: {
      register: async () => (await import("./en/register.ts")).register,
      panel: async () => (await import("./en/panel.ts")).panel,
      orders: async () => (await import("./en/orders.ts")).orders,
      selling: async () => (await import("./en/selling.ts")).selling,
      settings: async () => (await import("./en/settings.ts")).settings,
      shift: async () => (await import("./en/shift.ts")).shift,
      staff: async () => (await import("./en/staff.ts")).staff,
      conflicts: async () => (await import("./en/conflicts.ts")).conflicts,
      display: async () => (await import("./en/display.ts")).display,
      admin: async () => (await import("./en/admin.ts")).admin,
    },
  },
  de: {
    direction: "ltr",
    files: {
      register: async () => (await import("./de/register.ts")).register,
      panel: async () => (await import("./de/panel.ts")).panel,
      orders: async () => (await import("./de/orders.ts")).orders,
      selling: async () => (await import("./de/selling.ts")).selling,
      settings: async () => (await import("./de/settings.ts")).settings,
      shift: async () => (await import("./de/shift.ts")).shift,
      staff: async () => (await import("./de/staff.ts")).staff,
      conflicts: async () => (await import("./de/conflicts.ts")).conflicts,
      display: async () => (await import("./de/display.ts")).display,
      admin: async () => (await import("./de/admin.ts")).admin,
    },
  },
} as const satisfies Readonly<Record<string, LanguageFiles>>;

export type Language = keyof typeof LANGUAGES;
export const MESSAGE_PARTS = Object.keys(LANGUAGES.en.files) as readonly MessagePart[];

/** @param tags BCP 47, best first; the first whose language is known counts, else English */
export function languageFor(tags: readonly string[]): Language {
  const known = tags.map((tag) => tag.toLowerCase().split("-")[0] ?? "").find((each) => Object.hasOwn(LANGUAGES, each));
  return (known as Language | undefined) ?? "en";
}
