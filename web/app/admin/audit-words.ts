/** An entry of the audit trail in words. Pure. */
import { isObject } from "@tillwire/protocol/differences";
import type { AdminMessages } from "../messages/messages.svelte.ts";
import { textOf } from "../messages/text-of.ts";
import { policyName } from "../conflicts/conflict-words.ts";
import type { Speech } from "../conflicts/value-words.ts";
import type { AuditEntry } from "./admin-api.ts";

export function actorName({ actor }: AuditEntry, { audit }: AdminMessages, speech: Speech): string {
  if (actor === "admin") return audit.admin;
  return actor === "server" ? audit.server : speech.nameOf(actor);
}

export function actionText({ action }: AuditEntry, { audit }: AdminMessages): string {
  return textOf(audit.actions, action) ?? action;
}

/** What an entry tells besides, one text each. Ids of the machinery are left out; devices have names. */
export function detailTexts(entry: AuditEntry, messages: AdminMessages, speech: Speech): string[] {
  const texts = Object.entries(entry.details).map(([name, value]) => detailText(name, value, messages, speech));
  // A device is told by its name and by its id, which gives the same name.
  return [...new Set(texts.filter((text) => text !== null))];
}

function detailText(name: string, value: unknown, messages: AdminMessages, speech: Speech): string | null {
  const { audit, devices, policies } = messages;
  if (isObject(value)) {
    const { from, to } = value;
    if (from === undefined && to === undefined) return null;
    const policy = (each: unknown) => (typeof each === "string" ? policyName(each, speech) : policies.builtIn);
    return audit.fromTo({ what: textOf(policies.collections, name) ?? name, from: policy(from), to: policy(to) });
  }
  const label = textOf(audit.details, name);
  if (label === undefined) return null;
  if (typeof value === "boolean") return value ? label : null;
  if (typeof value === "number")
    return `${label} ${name.endsWith("At") ? speech.dateTime(value) : speech.number(value)}`;
  if (typeof value !== "string") return null;
  if (name === "deviceId") return speech.nameOf(value);
  if (name === "role") return textOf(devices.roles, value) ?? value;
  if (name === "reason") return textOf(audit.reasons, value) ?? value;
  return name === "name" ? value : `${label} ${value}`;
}
