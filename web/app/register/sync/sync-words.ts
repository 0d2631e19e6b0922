/** Writes, records and errors of syncing, in plain words. */
import type { OutboxEntry } from "@tillwire/client/api";
import type { Messages } from "../../messages/messages.svelte.ts";
import { textOf } from "../../messages/text-of.ts";

/** What people call a record: its number or its name. */
export function recordName(collection: string, data: unknown, { sync }: Messages): string {
  const kind = textOf(sync.kinds, collection) ?? collection;
  const { orderNumber, referenceNumber, name } = (data ?? {}) as Record<string, unknown>;
  const label = collection === "transactions" ? referenceNumber : (orderNumber ?? name);
  return typeof label === "string" ? `${kind} ${label}` : kind;
}

export function entryName(entry: Pick<OutboxEntry, "collection" | "op" | "data">, messages: Messages): string {
  const name = recordName(entry.collection, entry.data, messages);
  return entry.op === "delete" ? `${name} (${messages.sync.deleted})` : name;
}

/** Why the server did not take a write of this collection. */
export function rejectionText(
  error: Pick<NonNullable<OutboxEntry["error"]>, "code"> | undefined,
  collection: string,
  { rejections, guards }: Messages,
): string {
  const code = error?.code ?? "WRITE_FAILED";
  const guarded = code === "GUARD" ? textOf(guards, collection) : undefined;
  return guarded ?? textOf(rejections, code) ?? rejections.other({ code });
}

/** An error of the link or of `syncNow`; codes that are no server's mean that it was not reached. */
export function syncErrorText(error: unknown, { errors }: Messages): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code !== "string") return errors.offline;
  return (
    textOf(errors, code) ?? (typeof message === "string" && message !== "" ? errors.other({ code }) : errors.offline)
  );
}
