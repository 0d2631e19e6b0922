/** A write that passed every check that needs no database: parsed, hashed, allowed. Inside, its types are trusted. */
import { checkData, uniqueValueOf, type AnyCollection, type CollectionSet } from "@tillwire/protocol/collection";
import { compiledWriteSchema } from "@tillwire/protocol/compiled-schemas";
import { SERVER_DEVICE_ID } from "@tillwire/protocol/conflicts";
import { WriteRejection, type RejectionCode } from "@tillwire/protocol/errors";
import { canonicalJson, sha256Hex } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import { hashSchema, type Base } from "@tillwire/protocol/messages";
import type { Sender, SubmittedWrite, SeedHints } from "./accept.ts";
import type { AsSent, Position } from "./store/store.ts";

export interface CheckedWrite {
  readonly collection: AnyCollection;
  readonly localId: string;
  readonly deleted: boolean;
  readonly syncVersion: number;
  /** null: not known. */
  readonly base: Base | null;
  readonly hash: string;
  readonly data: Record<string, unknown> | null;
  readonly dataJson: string | null;
  /** The number that it claims. */
  readonly number: string | null;
  readonly reoffer: boolean;
  /** localId of the conflict that it settles. */
  readonly resolves: string | null;
  /** Whether the sender's role may write here; a re-offer after a restore may come without. */
  readonly roleAllows: boolean;
  /** The device whose link brought it. */
  readonly sender: string;
  /** The device under which it is remembered as sent: the sender, whom the sender was when it was sent first, or `""` for a re-offer. */
  readonly deviceId: string;
  /** The device that made this version: the sender or, of a re-offer, the original one. */
  readonly author: string;
  /** Creator, should the record be new. */
  readonly createdBy: string;
  /** Of a re-offer; null: the commit's time. */
  readonly updatedAt: number | null;
  readonly seed: SeedHints | null;
}

export interface UncheckableWrite {
  readonly code: RejectionCode;
  readonly message: string;
  readonly collection: string;
  readonly localId: string;
}

/** @returns the checked write, or why it can't be one, with its name as far as it has one */
export function checkWrite(
  collections: CollectionSet,
  sender: Sender,
  submitted: SubmittedWrite,
): CheckedWrite | UncheckableWrite {
  try {
    return check(collections, sender, submitted);
  } catch (error) {
    if (!(error instanceof WriteRejection)) throw error;
    const named = (typeof submitted.write === "object" && submitted.write !== null ? submitted.write : {}) as {
      collection?: unknown;
      localId?: unknown;
    };
    return {
      code: error.code,
      message: error.message,
      collection: textOf(named.collection),
      localId: textOf(named.localId),
    };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, LIMITS.idLength) : "";
}

function check(collections: CollectionSet, sender: Sender, submitted: SubmittedWrite): CheckedWrite {
  const parsed = compiledWriteSchema.safeParse(submitted.write);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new WriteRejection("WRITE_MALFORMED", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
  }
  const write = parsed.data;
  const collection = collections.get(write.collection);
  if (!collection) throw new WriteRejection("COLLECTION_UNKNOWN", `no collection ${write.collection}`);
  const reoffer = write.reoffer === true;
  const roleAllows = sender.deviceId === SERVER_DEVICE_ID || collection.writableBy.includes(sender.role);
  // For whoever holds the last copy; what only the server writes stays the server's.
  if (!roleAllows && !(reoffer && collection.writableBy.length > 0)) {
    throw new WriteRejection("ROLE", `a ${sender.role} may not write ${collection.name}`);
  }
  checkBase(write.base, write.syncVersion);
  const deleted = write.op === "delete";
  const sent = deleted ? null : (write.data as Record<string, unknown> | null);
  if (deleted && write.data !== null && write.data !== undefined)
    throw new WriteRejection("WRITE_MALFORMED", "a delete carries no data");
  if (!deleted && (typeof sent !== "object" || sent === null))
    throw new WriteRejection("SCHEMA", "a put carries an object");
  const checked = checkData(collection, sent);
  if (checked.hash !== write.hash) throw new WriteRejection("HASH_WRONG", "hash is not that of data");
  // Already a text of it: another one would say the same.
  const { data, json } = checked.isWhole ? { data: sent, json: checked.canonical } : storable(sent);
  return {
    collection,
    localId: write.localId,
    deleted,
    syncVersion: write.syncVersion,
    base: write.base,
    hash: write.hash,
    data,
    dataJson: json,
    number: uniqueValueOf(collection, data),
    reoffer,
    resolves: reoffer ? null : (write.resolves ?? null),
    roleAllows,
    sender: sender.deviceId,
    deviceId: reoffer ? "" : (write.deviceId ?? sender.deviceId),
    author: (reoffer ? write.deviceId : undefined) ?? sender.deviceId,
    createdBy: (reoffer ? write.createdBy : submitted.seed?.createdBy) ?? sender.deviceId,
    updatedAt: reoffer ? (write.updatedAt ?? null) : null,
    seed: submitted.seed ?? null,
  };
}

/** As compact as `storable` makes it. */
export function compact(data: Record<string, unknown> | null): Record<string, unknown> | null {
  return storable(data).data;
}

/** Data as it is stored, and its JSON text. */
export interface StorableData {
  readonly data: Record<string, unknown> | null;
  readonly json: string | null;
}

/**
 * Null and absent are the same, so that data may hold, beyond what its limit counts, any number of null members: they are dropped where
 * with them it would be too large for a frame. The hash stays.
 */
export function storable(data: Record<string, unknown> | null): StorableData {
  if (data === null) return { data, json: null };
  const json = JSON.stringify(data);
  // A UTF-16 unit takes at most three bytes: most texts need no exact count.
  if (json.length * 3 <= LIMITS.writeBytes || Buffer.byteLength(json) <= LIMITS.writeBytes) return { data, json };
  const canonical = canonicalJson(data);
  return { data: JSON.parse(canonical) as Record<string, unknown>, json: canonical };
}

/** Whether nothing of it is said to be another device's, or of another time. */
export function isSendersOwn({ author, createdBy, sender, updatedAt }: CheckedWrite): boolean {
  return author === sender && createdBy === sender && updatedAt === null;
}

export function asSendersOwn(write: CheckedWrite): CheckedWrite {
  return { ...write, author: write.sender, createdBy: write.sender, updatedAt: null };
}

function checkBase(base: Base | null, syncVersion: number): void {
  if (!base) return;
  if (base.version >= syncVersion)
    throw new WriteRejection("WRITE_MALFORMED", "the base's version is not below syncVersion");
  if ((base.version === 0) !== (base.hash === null))
    throw new WriteRejection("WRITE_MALFORMED", "version 0 goes with hash null");
}

export function isChecked(write: CheckedWrite | UncheckableWrite): write is CheckedWrite {
  return "sender" in write;
}

export function asSentOf(write: CheckedWrite): AsSent {
  return {
    collection: write.collection.name,
    localId: write.localId,
    deviceId: write.deviceId,
    syncVersion: write.syncVersion,
    hash: write.hash,
    base: write.reoffer ? "" : baseText(write),
  };
}

/** With the conflict that it settles: two conflicts of one record may be settled by the same value on the same base. */
function baseText({ base, resolves }: CheckedWrite): string {
  const named = base === null ? "?" : `${base.version}:${base.hash ?? ""}`;
  return resolves === null ? named : `${named}|${resolves}`;
}

/** The uniqueKey that an open conflict bears: a device has at most one of a record. */
export function openConflictKey(collection: string, localId: string, deviceId: string): string {
  return `${collection}|${localId}|${deviceId}`;
}

/** The hash by which an item at the seed's door names its base; null: none, or what no version can bear. */
export function namedHashOf(write: CheckedWrite): string | null {
  const hash = write.seed?.baseHash ?? null;
  return hash !== null && hashSchema.safeParse(hash).success ? hash : null;
}

export function sameBase(a: Position | null, b: Position | null): boolean {
  return a === b || (a !== null && b !== null && a.version === b.version && a.hash === b.hash);
}

/**
 * The id under which a sale is filed whose own is taken by another sale. A pure function of id and createdAt, so that later
 * items of that sale find it without a table.
 */
export function refiledId(localId: string, createdAt: number): string {
  const suffix = `.${createdAt}`;
  if (localId.length + suffix.length <= LIMITS.idLength) return localId + suffix;
  return `${localId.slice(0, 20)}.${sha256Hex(localId + suffix).slice(0, 40)}`;
}
