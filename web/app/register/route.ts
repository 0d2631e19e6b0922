/** The places of the register, as they stand in the address's fragment. Pure. */
export const SETTINGS_SECTIONS = ["shop", "staff", "device"] as const;
export type SettingsSection = (typeof SETTINGS_SECTIONS)[number];

export type Place =
  | { readonly view: "sell" }
  | { readonly view: "orders"; readonly orderId: string | null }
  | { readonly view: "conflicts"; readonly conflictId: string | null }
  | { readonly view: "shift" }
  | { readonly view: "settings"; readonly section: SettingsSection }
  | { readonly view: "history"; readonly collection: string; readonly localId: string };

export function parsePlace(fragment: string): Place {
  const [view, first, second] = fragment.replace(/^\//, "").split("/");
  if (view === "orders") return { view, orderId: first || null };
  if (view === "conflicts") return { view, conflictId: first || null };
  if (view === "history" && first && second) return { view, collection: first, localId: second };
  if (view === "shift") return { view };
  if (view === "settings") return { view, section: SETTINGS_SECTIONS.find((each) => each === first) ?? "shop" };
  return { view: "sell" };
}
