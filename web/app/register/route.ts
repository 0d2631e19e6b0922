/** The places of the register, as they stand in the address's fragment. Pure. */
export type Place =
  | { readonly view: "sell" }
  | { readonly view: "orders"; readonly orderId: string | null }
  | { readonly view: "conflicts"; readonly conflictId: string | null }
  | { readonly view: "history"; readonly collection: string; readonly localId: string };

export function parsePlace(fragment: string): Place {
  const [view, first, second] = fragment.replace(/^\//, "").split("/");
  if (view === "orders") return { view, orderId: first || null };
  if (view === "conflicts") return { view, conflictId: first || null };
  if (view === "history" && first && second) return { view, collection: first, localId: second };
  return { view: "sell" };
}
