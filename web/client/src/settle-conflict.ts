/** How a person's choice becomes the write that settles an open conflict. */
import { ReplicationError } from "@tillwire/protocol/errors";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Base, Change } from "@tillwire/protocol/messages";
import type { SettleChoice, WriteIntent } from "./api.ts";
import type { LocalStore, Overlay } from "./local-store.ts";
import { endOfLine, positionOf, samePosition, type OutboxRow } from "./outbox.ts";
import { NO_VALUE, settledOf } from "./visible.ts";

/** The value that a choice is made about, as far as this device knows: the server's, with own writes that were made on it. */
export interface Standing {
  readonly position: Base;
  readonly deleted: boolean;
  readonly data: unknown;
  /** This device's latest edit of its own side, where one still waits to be sent: it is part of that side by the time the choice is. */
  readonly further: OutboxRow | null;
}

/** @param rows the record's outbox rows in the order of their keys */
export function standingOf(
  base: Change | undefined,
  overlay: Overlay | undefined,
  rows: readonly OutboxRow[],
  conflictId: string,
): Standing {
  const settled = settledOf(base, overlay);
  const server = settled ? { version: settled.syncVersion, hash: settled.hash } : NO_VALUE;
  // An earlier choice about the same conflict is replaced by this one.
  const others = rows.filter((row) => row.state !== "rejected" && row.resolves !== conflictId);
  const end = endOfLine(others, server);
  const last = others.at(-1);
  if (last && !samePosition(end, server) && samePosition(end, positionOf(last)))
    return { position: end, deleted: last.op === "delete", data: last.data, further: null };
  const { deleted = true, data = null } = settled ?? {};
  return { position: server, deleted, data, further: last ?? null };
}

/** @param isReplicated whether this device keeps the record's collection */
export async function readStanding(
  store: LocalStore,
  conflict: ConflictData,
  isReplicated: boolean,
): Promise<Standing> {
  if (!isReplicated) return standingInConflict(conflict);
  const { id, collection, recordId } = conflict;
  return store.read(async (tx) => {
    const sync = await tx.meta("sync");
    const [base, overlay, rows] = await Promise.all([
      tx.record(sync?.visible ?? 0, collection, recordId),
      tx.overlay(collection, recordId),
      tx.outboxOf(collection, recordId),
    ]);
    return standingOf(base, overlay, rows, id);
  });
}

/** The server's value as the conflict tells it. */
function standingInConflict({ server }: ConflictData): Standing {
  const { syncVersion, hash, deleted, data } = server;
  return { position: { version: syncVersion, hash }, deleted, data, further: null };
}

/**
 * @param readAt position at which the person looked; default: where the record stands
 * @param newId makes the localId of a record that is kept beside the other one
 * @throws ReplicationError UNPROCESSABLE where a deletion shall be kept beside the record
 */
export function choiceToWrite(
  conflict: ConflictData,
  choice: SettleChoice,
  standing: Standing,
  readAt: Base | undefined,
  newId: () => string,
): WriteIntent & { readonly localId: string } {
  const { collection, recordId: localId, id: resolves } = conflict;
  const settling = { collection, localId, resolves, readAt: readAt ?? standing.position };
  const write = (deleted: boolean, data: unknown) =>
    deleted || data === null
      ? { ...settling, op: "delete" as const }
      : { ...settling, op: "put" as const, data: data as object };
  if (typeof choice === "object") return write(choice.data === null, choice.data);
  const { further } = standing;
  const own = further
    ? { deleted: further.op === "delete", data: further.data }
    : { deleted: conflict.client.deleted, data: conflict.client.data };
  switch (choice) {
    case "server":
      return write(standing.deleted, standing.data);
    case "client":
      return write(own.deleted, own.data);
    case "both":
      if (own.deleted) throw new ReplicationError("UNPROCESSABLE", "a deletion can't be kept beside the record");
      return { ...write(false, own.data), ...asNewRecord(own.data as object, localId, newId()) };
  }
}

function asNewRecord(data: object, formerId: string, localId: string) {
  const { id } = data as { id?: unknown };
  return { op: "put" as const, localId, readAt: NO_VALUE, data: id === formerId ? { ...data, id: localId } : data };
}
