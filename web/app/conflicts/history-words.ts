/** Versions of a record in words: what each one changed. Pure. */
import type { AnyCollection } from "@tillwire/protocol/collection";
import type { Change } from "@tillwire/protocol/messages";
import { isObject } from "@tillwire/protocol/differences";
import { contentsOf, differenceRows, isLine } from "./difference-rows.ts";
import type { Speech } from "./value-words.ts";

export interface VersionView {
  readonly change: Change;
  readonly headline: "created" | "deleted" | "restored" | null;
  /** What changed, a sentence each; of a first version what it holds. */
  readonly lines: readonly string[];
}

const MOST_LINES = 40;

/**
 * @param versions latest first
 * @param complete nothing is older than the last of them. Otherwise that one is left out: what it changed is not known yet.
 */
export function versionViews(
  versions: readonly Change[],
  complete: boolean,
  collection: AnyCollection | undefined,
  speech: Speech,
): VersionView[] {
  const shown = complete ? versions : versions.slice(0, -1);
  return shown.map((change, index) => versionView(change, versions[index + 1], collection, speech));
}

function versionView(
  change: Change,
  before: Change | undefined,
  collection: AnyCollection | undefined,
  speech: Speech,
): VersionView {
  if (change.deleted) return { change, headline: "deleted", lines: [] };
  if (!before) return { change, headline: "created", lines: contentLines(change.data, speech) };
  if (before.deleted) return { change, headline: "restored", lines: contentLines(change.data, speech) };
  const { history, values } = speech.words;
  const lines = differenceRows(collection, change.data, before.data, speech).map(({ label, client, server }) => {
    if (server === values.notThere) return history.added({ what: client });
    if (client === values.notThere) return history.removed({ what: server });
    if (server === values.nothing) return history.set({ label, after: client });
    if (client === values.nothing) return history.cleared({ label, before: server });
    // "2 × Latte" names itself
    const named = client.includes(label) && server.includes(label);
    if (client === server) return `${label}: ${client}`;
    const sides = { before: server, after: client };
    return named ? history.changed(sides) : history.changedIn({ label, ...sides });
  });
  return { change, headline: null, lines: lines.length > 0 ? lines.slice(0, MOST_LINES) : [history.noChange] };
}

/** Lines of an order speak for themselves. */
function contentLines(data: unknown, speech: Speech): string[] {
  if (!isObject(data)) return [];
  return contentsOf(data, speech)
    .map(([key, label, text]) => (isLine(key) ? text : speech.words.history.set({ label, after: text })))
    .slice(0, MOST_LINES);
}
