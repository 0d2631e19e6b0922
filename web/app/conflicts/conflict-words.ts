/** A conflict in words for people: what it is about, why it came, what decided it and how it ended. Pure. */
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { isObject } from "@tillwire/protocol/differences";
import { textOf } from "../messages/text-of.ts";
import { recordName } from "../register/sync/sync-words.ts";
import type { Speech } from "./value-words.ts";

/** The record's number or name; of a deleted one what its other side is called. */
export function conflictTitle(conflict: ConflictData, { messages }: Speech): string {
  return recordName(
    conflict.collection,
    isObject(conflict.server.data) ? conflict.server.data : conflict.client.data,
    messages,
  );
}

/** Customer or table, if the record names one. */
export function conflictSubject({ server, client }: ConflictData): string | null {
  for (const data of [server.data, client.data]) {
    if (!isObject(data)) continue;
    const named = [data["customerName"], data["tableName"]].filter((name) => typeof name === "string" && name !== "");
    if (named.length > 0) return named.join(", ");
  }
  return null;
}

export function kindText(kind: string, { words }: Speech): string {
  return textOf(words.kinds, kind) ?? words.kinds.other;
}
export function policyText(policy: string, { words }: Speech): string {
  return textOf(words.policies, policy) ?? words.policies.other;
}
export function policyName(policy: string, { words }: Speech): string {
  return textOf(words.policyNames, policy) ?? words.policyNames.other;
}

/** "the server" is a name too, and may come first. */
export function asSentence(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** How it ended, or that it has not. */
export function outcomeText({ status, settlement, client, server }: ConflictData, { words, nameOf }: Speech): string {
  if (status === "open" || settlement === null) return words.outcome.open;
  if (settlement === "MERGED" || settlement === "BOTH") return words.outcome[settlement];
  return words.outcome[settlement]({ who: nameOf(settlement === "CLIENT" ? client.deviceId : server.deviceId) });
}

/** Who settled it and when; null while it is open. */
export function settledByText(
  { settledAt, settledBy }: ConflictData,
  { words, nameOf, dateTime }: Speech,
): string | null {
  if (settledAt === null) return null;
  const when = dateTime(settledAt);
  return settledBy === null || settledBy === SERVER_DEVICE_ID
    ? words.outcome.byPolicy({ when })
    : words.outcome.by({ who: nameOf(settledBy), when });
}

/** What became of this device's own decision, as far as the conflict tells: it is kept there, so this survives a reload. */
export type OwnDecision =
  | { readonly state: "none" }
  | { readonly state: "done" }
  /** Somebody else had settled it before. */
  | { readonly state: "too late"; readonly by: string }
  /** The record had gone on; the conflict is open still. */
  | { readonly state: "moved on"; readonly by: string };

export function ownDecision(conflict: ConflictData, ownId: string | null): OwnDecision {
  const late = ownId !== null && (conflict.attempts ?? []).some(({ deviceId }) => deviceId === ownId);
  if (conflict.status === "open") return late ? { state: "moved on", by: conflict.server.deviceId } : { state: "none" };
  if (conflict.settledBy === ownId) return { state: "done" };
  return late && conflict.settledBy !== null ? { state: "too late", by: conflict.settledBy } : { state: "none" };
}
