/** The texts in the language that people chose; components read them as `t().pay.title`. */
import { LANGUAGES, languageFor, type Language, type MessagePart, type TextsOf } from "./languages.ts";
import { textsOf, type CompiledMessages } from "./texts.ts";

type Loaded = { readonly [Part in MessagePart]?: TextsOf<Part> };

export type Messages = TextsOf<"register">;
export type PanelMessages = TextsOf<"panel">;
export type SellingMessages = TextsOf<"selling">;
export type OrderMessages = TextsOf<"orders">;
export type StaffMessages = TextsOf<"staff">;
export type ShiftMessages = TextsOf<"shift">;
export type SettingsMessages = TextsOf<"settings">;
export type ConflictMessages = TextsOf<"conflicts">;
export type DisplayMessages = TextsOf<"display">;
export type AdminMessages = TextsOf<"admin">;

/** The first load of every page. */
export const t = (): Messages => texts("register");
/** The sync panel. */
export const tp = (): PanelMessages => texts("panel");
/** Options of products, the editor of a line, payment. */
export const ts = (): SellingMessages => texts("selling");
/** Orders, refunds and receipts. */
export const to = (): OrderMessages => texts("orders");
/** Signing in, and the staff page. */
export const tStaff = (): StaffMessages => texts("staff");
export const tShift = (): ShiftMessages => texts("shift");
export const tSettings = (): SettingsMessages => texts("settings");
/** Conflicts and histories. */
export const tc = (): ConflictMessages => texts("conflicts");
/** The display. */
export const td = (): DisplayMessages => texts("display");
/** The back office. */
export const ta = (): AdminMessages => texts("admin");

let language: Language = "en";
let needed: readonly MessagePart[] = [];
let loaded = $state.raw<Loaded>({});

function texts<Part extends MessagePart>(part: Part): TextsOf<Part> {
  const found = loaded[part];
  if (!found) throw new Error(`the texts of ${part} are read before they were asked for`);
  return found;
}

/** Resolves when the texts of these parts can be read, from now on in every language; rejects where they can't be fetched. */
export async function needTexts(...parts: readonly MessagePart[]): Promise<void> {
  const wanted = language;
  const missing = parts.filter((part) => !loaded[part]);
  const fetched = await fetchTexts(wanted, missing);
  needed = [...needed, ...parts.filter((part) => !needed.includes(part))];
  // another language was chosen meanwhile
  if (wanted !== language) return needTexts(...parts);
  loaded = { ...fetched, ...loaded };
}

/**
 * Changes the language as soon as its texts are here; where they can't be fetched everything stays as it was.
 * @param tags BCP 47, best first
 */
export async function speak(tags: readonly string[], page: HTMLElement = document.documentElement): Promise<void> {
  const wanted = languageFor(tags);
  if (wanted !== language) {
    const fetched = await fetchTexts(wanted, needed).catch(() => null);
    if (!fetched) return;
    // parts that joined while these came
    if (needed.some((part) => !fetched[part])) return speak(tags, page);
    language = wanted;
    loaded = fetched;
  }
  page.lang = wanted;
  page.dir = LANGUAGES[wanted].direction;
}

async function fetchTexts(wanted: Language, parts: readonly MessagePart[]): Promise<Loaded> {
  const { files } = LANGUAGES[wanted];
  const entries = parts.map(
    async (part) => [part, textsOf((await files[part]()) as unknown as CompiledMessages, wanted)] as const,
  );
  return Object.fromEntries(await Promise.all(entries)) as Loaded;
}
