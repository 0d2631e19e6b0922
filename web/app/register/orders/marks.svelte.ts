/** Marks new and changed rows for a moment. */
import type { ReplicaRecord } from "@tillwire/client/api";
import { SvelteSet } from "svelte/reactivity";
import type { Environment } from "../../environment.ts";
import { changedSince, seenOf, type Seen } from "./marks.ts";

const MARK_MS = 2_600;

/** Call while a component starts; `records` undefined: not read yet, so nothing is news. */
export function followMarks(
  env: Environment,
  records: () => readonly ReplicaRecord<unknown>[] | undefined,
): { has(localId: string): boolean } {
  const marked = new SvelteSet<string>();
  let seen: Seen | null = null;
  $effect(() => {
    const current = records();
    if (!current) return;
    const changed = seen ? changedSince(seen, current) : [];
    seen = seenOf(current);
    if (changed.length === 0) return;
    for (const localId of changed) marked.add(localId);
    env.after(MARK_MS, () => changed.forEach((localId) => marked.delete(localId)));
  });
  return marked;
}
