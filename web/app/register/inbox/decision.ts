/** What this register decided about a conflict and the server has not answered yet. It waits in the outbox, so a reload forgets nothing. Pure. */
import type { OutboxEntry } from "@tillwire/client/api";

export type Decision =
  | { readonly state: "none" | "waiting" }
  /** The server refused it; the conflict is open still. */
  | { readonly state: "refused"; readonly entry: OutboxEntry };

export function decisionOf(conflictId: string, outbox: readonly OutboxEntry[]): Decision {
  const entries = outbox.filter(({ resolves }) => resolves === conflictId);
  // A newer decision stands beside one that was refused before.
  if (entries.some(({ state }) => state !== "rejected")) return { state: "waiting" };
  const entry = entries.at(-1);
  return entry ? { state: "refused", entry } : { state: "none" };
}
