/** The two sides of a conflict as one device shows them: its own first, and what stands in the place of the other. Pure. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { isObject } from "@tillwire/protocol/differences";
import type { Base } from "@tillwire/protocol/messages";
import type { Speech } from "./value-words.ts";

export interface Side {
  /** Which side of the conflict this is. */
  readonly role: "client" | "server";
  readonly deviceId: string;
  /** The device's name, as the head of a column. */
  readonly name: string;
  readonly own: boolean;
}

/** What the server holds of the record, as far as this device knows. */
export interface ServerValue {
  /** null: deleted. */
  readonly data: unknown;
  readonly deviceId: string;
  /** Epoch ms. */
  readonly at: number;
  /** To settle on; undefined: not known here, the replica knows best. */
  readonly readAt: Base | undefined;
  /** Newer than what the conflict was last compared with. */
  readonly newer: boolean;
}

type SeenRecord = Pick<
  ReplicaRecord<unknown>,
  "data" | "deviceId" | "updatedAt" | "readAt" | "hash" | "sync" | "conflict" | "server"
>;

/**
 * @param record as the replica shows it. Where an unsent edit of this device hides the server's value, the conflict's own copy of that is
 *   the newest that is known.
 * @param current whether the record was looked for: undefined then means that it is deleted
 */
export function serverValueOf(conflict: ConflictData, record: SeenRecord | undefined, current: boolean): ServerValue {
  const { server } = conflict;
  const kept: ServerValue = {
    data: server.deleted ? null : server.data,
    deviceId: server.deviceId,
    at: server.at,
    readAt: { version: server.syncVersion, hash: server.hash },
    newer: false,
  };
  if (conflict.status === "settled" || !current) return kept;
  if (!record) return server.deleted ? kept : { ...kept, data: null, readAt: undefined, newer: true };
  // A lost deletion hides nothing; any other edit of this device does, but for what the replica tells of the value beneath.
  const shown = record.sync === "synced" || (record.conflict !== undefined && conflict.client.deleted);
  const value = record.server ?? (shown ? record : null);
  if (!value) return kept;
  const { data, deviceId, updatedAt, readAt, hash } = value;
  return { data, deviceId, at: updatedAt, readAt, newer: hash !== server.hash };
}

/** @param ownId of this device; null where no device looks, in the back office */
export function sidesOf(
  conflict: ConflictData,
  serverDeviceId: string,
  ownId: string | null,
  { nameOf, words }: Speech,
): readonly [Side, Side] {
  const side = (role: Side["role"], deviceId: string): Side => {
    const own = deviceId === ownId;
    return { role, deviceId, own, name: own ? words.sides.own({ name: nameOf(deviceId) }) : nameOf(deviceId) };
  };
  let client = side("client", conflict.client.deviceId);
  let server = side("server", serverDeviceId);
  if (client.name === server.name) {
    server = { ...server, name: words.sides.twice({ name: nameOf(serverDeviceId), ordinal: 1 }) };
    client = { ...client, name: words.sides.twice({ name: nameOf(conflict.client.deviceId), ordinal: 2 }) };
  }
  // Own comes first; among others what stands does.
  return client.own ? [client, server] : [server, client];
}

/** Kinds of records of which a second one does no harm. Of a paid sale it would be a sale too many. */
const HARMLESS_TWICE = new Set(["products", "staff"]);

/** Whether both sides may be kept, as two records. */
export function mayKeepBoth({ kind, collection, client }: ConflictData, serverData: unknown): boolean {
  if (!isObject(client.data) || !isObject(serverData)) return false;
  if (kind === "ID_TAKEN" || HARMLESS_TWICE.has(collection)) return true;
  return collection === "orders" && [client.data, serverData].every((data) => isOpenTab(data));
}

function isOpenTab(order: Record<string, unknown>): boolean {
  return order["paymentStatus"] === "PENDING" && order["orderStatus"] === "PENDING";
}

/** Whether fields may be picked one by one: not where a side is deleted, nor where two sides are two different things. */
export function mayPick({ kind, client }: ConflictData, serverData: unknown): boolean {
  return kind !== "ID_TAKEN" && isObject(client.data) && isObject(serverData);
}

/** While it is open the server's side does; null where something made of both stands, or both do. */
export function standingOf({ status, settlement }: ConflictData): "client" | "server" | null {
  if (status === "open" || settlement === "SERVER") return "server";
  return settlement === "CLIENT" ? "client" : null;
}
