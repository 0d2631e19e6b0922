/** Decisions of this tab that the server has not answered yet: they bridge the time until the conflict itself tells how they went. */
import { SvelteMap } from "svelte/reactivity";
import type { OutboxEntry, ReplicaRecord } from "@tillwire/client/api";
import type { ConflictData } from "@tillwire/protocol/conflicts";

interface Decision {
  /** Of the record that the settling write is about. */
  readonly localId: string;
  /** Of the conflict when it was decided: the answer is a newer one. */
  readonly syncVersion: number;
}
const decisions = new SvelteMap<string, Decision>();

export function rememberDecision(conflict: ReplicaRecord<ConflictData>, localId: string): void {
  decisions.set(conflict.localId, { localId, syncVersion: conflict.syncVersion });
}

/** What this tab decided waits for the server; or the server refused it, which is found in the outbox. */
export function decisionOf(
  { localId, syncVersion, data }: ReplicaRecord<ConflictData>,
  outbox: readonly OutboxEntry[],
): { readonly state: "none" | "waiting" } | { readonly state: "refused"; readonly entry: OutboxEntry } {
  const decision = decisions.get(localId);
  if (!decision || data.status === "settled") return { state: "none" };
  const entries = outbox.filter((entry) => entry.collection === data.collection && entry.localId === decision.localId);
  const refused = entries.find(({ state }) => state === "rejected");
  if (refused) return { state: "refused", entry: refused };
  return { state: entries.length > 0 || decision.syncVersion === syncVersion ? "waiting" : "none" };
}
