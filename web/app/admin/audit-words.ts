/** An entry of the audit trail in words. Pure. */
import { isObject } from "@tillwire/protocol/differences";
import type { AdminMessages } from "../messages/en-admin.ts";
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
  return Object.entries(entry.details).flatMap(([name, value]) => detailText(name, value, messages, speech) ?? []);
}

function detailText(name: string, value: unknown, messages: AdminMessages, speech: Speech): string | null {
  const { audit, devices, policies } = messages;
  if (isObject(value)) {
    const { from, to } = value;
    if (from === undefined && to === undefined) return null;
    const policy = (each: unknown) => (typeof each === "string" ? policyName(each, speech) : policies.builtIn);
    return audit.fromTo(textOf(policies.collections, name) ?? name, policy(from), policy(to));
  }
  const label = textOf(audit.details, name);
  if (label === undefined || value === null) return null;
  if (name === "deviceId") return speech.nameOf(String(value));
  if (name === "role") return textOf(devices.roles, String(value)) ?? String(value);
  if (name === "reason") return textOf(audit.reasons, String(value)) ?? String(value);
  if (name.endsWith("At") && typeof value === "number") return `${label} ${speech.dateTime(value)}`;
  if (typeof value === "boolean") return value ? label : null;
  return name === "name" ? String(value) : `${label} ${String(value)}`;
}
