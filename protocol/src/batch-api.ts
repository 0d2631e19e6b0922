/**
 * The seed's HTTP shapes (PROTOCOL.md, "HTTP: the seed's wire"), and how its items become writes and results become its answers.
 * Existing devices speak this; what they leave out is frozen here, since every stored hash depends on it.
 */
import * as z from "zod/mini";
import { isObject } from "./differences.ts";
import { WriteRejection, type RejectionCode } from "./errors.ts";
import { canonicalJson, sha256Hex, TOMBSTONE_HASH } from "./hash.ts";
import { LIMITS } from "./limits.ts";
import { idSchema, type FieldDifference, type Result, type Write } from "./messages.ts";

export type SeedCollection = "orders" | "transactions";

/** `{order: {...}, localId, ...}`, or `transaction` in its place. Items are parsed one by one. */
const envelope = {
  localId: idSchema,
  syncStatus: z.nullish(z.string()),
  syncVersion: z.nullish(z.int()),
  deviceId: z.nullish(idSchema),
  lastSyncedAt: z.nullish(z.number()),
  serverHash: z.nullish(z.string()),
};
/** As it is: a schema of records would leave out a member called `__proto__`. */
const dataSchema = z.custom<Record<string, unknown>>(isObject);
const itemSchemas = {
  orders: z.object({ ...envelope, order: dataSchema }),
  transactions: z.object({ ...envelope, transaction: dataSchema }),
};

const itemsSchema = z.nullish(z.array(z.unknown()));
export const batchRequestSchema = z
  .object({
    deviceId: idSchema,
    orders: itemsSchema,
    transactions: itemsSchema,
    lastSyncTimestamp: z.nullish(z.int()),
    syncToken: z.nullish(z.string().check(z.maxLength(256))),
  })
  .check(
    z.refine(
      (body) => (body.orders?.length ?? 0) + (body.transactions?.length ?? 0) <= LIMITS.batchItems,
      `a batch holds at most ${LIMITS.batchItems} items`,
    ),
  );
export type BatchRequest = z.infer<typeof batchRequestSchema>;

export interface SeedConflict {
  readonly field: string;
  readonly localValue: string;
  readonly serverValue: string;
  /** The policy that speaks: SERVER_WINS, CLIENT_WINS, MERGE or MANUAL. */
  readonly resolution: string;
}

export interface SyncResponse {
  readonly success: boolean;
  /** The record's id; null only for an item that bears none. */
  readonly serverId: string | null;
  /** Epoch ms. */
  readonly syncedAt: number;
  readonly message: string;
  readonly conflicts: SeedConflict[];
}

export interface SeedUpdates {
  readonly orders: object[];
  readonly transactions: object[];
  readonly deletedOrderIds: string[];
  readonly deletedTransactionIds: string[];
}

export interface BatchResponse {
  readonly success: boolean;
  readonly syncedOrders: SyncResponse[];
  readonly syncedTransactions: SyncResponse[];
  readonly serverUpdates: SeedUpdates;
  readonly nextSyncToken: string;
}

export interface UpdatesResponse extends SeedUpdates {
  readonly nextSyncToken: string;
  readonly hasMore: boolean;
}

/** An item as a write, with what the write can't say. */
export interface SeedWrite {
  readonly write: Write;
  /** What `serverHash` names; null: not known. */
  readonly baseHash: string | null;
  /** Tells two sales that bear one id apart. */
  readonly createdAt: number | null;
  readonly createdBy: string | null;
}

export interface UnreadableItem {
  readonly code: RejectionCode;
  readonly message: string;
  readonly localId: string | null;
}

export function isSeedWrite(item: SeedWrite | UnreadableItem): item is SeedWrite {
  return "write" in item;
}

/** @param translate applied to the data after the defaults and before hashing */
export function itemToWrite(
  collection: SeedCollection,
  item: unknown,
  translate: (data: Record<string, unknown>) => Record<string, unknown> = (data) => data,
): SeedWrite | UnreadableItem {
  const parsed = itemSchemas[collection].safeParse(item);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      code: "WRITE_MALFORMED",
      message: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
      localId: localIdOf(item),
    };
  }
  const { localId, syncStatus, syncVersion, deviceId, serverHash } = parsed.data;
  const sent = "order" in parsed.data ? parsed.data.order : parsed.data.transaction;
  const deleted = syncStatus === "DELETED";
  const data = translate(withDefaults(collection, sent));
  try {
    const write: Write = {
      collection,
      localId,
      op: deleted ? "delete" : "put",
      syncVersion: syncVersion ?? 1,
      base: null,
      hash: deleted ? TOMBSTONE_HASH : sha256Hex(canonicalJson(data)),
      data: deleted ? null : data,
    };
    const createdAt =
      typeof data["createdAt"] === "number" && Number.isSafeInteger(data["createdAt"]) ? data["createdAt"] : null;
    return { write, baseHash: serverHash ?? null, createdAt, createdBy: deviceId ?? null };
  } catch (error) {
    if (!(error instanceof WriteRejection)) throw error;
    return { code: error.code, message: error.message, localId };
  }
}

function localIdOf(item: unknown): string | null {
  const localId = typeof item === "object" && item !== null ? (item as { localId?: unknown }).localId : null;
  return typeof localId === "string" ? localId.slice(0, LIMITS.idLength) : null;
}

// Frozen. What was left out is written here as null, 0 or []; what was sent stays, known or not.
const ORDER_DEFAULTS = {
  customerId: null,
  customerName: null,
  tableId: null,
  tableName: null,
  notes: null,
  completedAt: null,
  discount: 0,
};
const ORDER_ITEM_DEFAULTS = { variation: null, notes: null };
const TRANSACTION_DEFAULTS = { orderId: null, orderNumber: null, notes: null, completedAt: null };

/** The data with the defaults that existing devices leave out. */
export function withDefaults(collection: SeedCollection, data: Record<string, unknown>): Record<string, unknown> {
  if (collection === "transactions") return { ...TRANSACTION_DEFAULTS, ...data };
  const items: unknown = data["items"] ?? [];
  return {
    ...ORDER_DEFAULTS,
    ...data,
    discount: data["discount"] ?? 0,
    items: Array.isArray(items) ? items.map(itemWithDefaults) : items,
  };
}

function itemWithDefaults(item: unknown): unknown {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
  const { modifiers } = item as { modifiers?: unknown };
  return { ...ORDER_ITEM_DEFAULTS, ...item, modifiers: modifiers ?? [] };
}

/** @param filedUnder the id under which the record is kept, where it is not the item's own */
export function syncResponseOf(result: Result, filedUnder: string | undefined, nowMs: number): SyncResponse {
  return {
    success: result.outcome === "accepted" || result.outcome === "duplicate" || result.outcome === "merged",
    serverId: filedUnder ?? result.localId,
    syncedAt: nowMs,
    message: messageOf(result),
    conflicts: (result.conflict?.fields ?? []).map(seedConflictOf),
  };
}

export function unreadableResponse(item: UnreadableItem, nowMs: number): SyncResponse {
  return {
    success: false,
    serverId: item.localId,
    syncedAt: nowMs,
    message: `${item.code}: ${item.message}`,
    conflicts: [],
  };
}

function messageOf(result: Result): string {
  switch (result.outcome) {
    case "accepted":
      return "Synced";
    case "duplicate":
      return "Already in sync";
    case "merged":
      return "Synced with amendments";
    case "rejected":
      return `${result.code ?? "REJECTED"}: ${result.message ?? "rejected"}`;
    case "conflict":
      switch (result.conflict?.kind) {
        case "VERSION_MISMATCH":
          return "Conflict: server version is newer";
        case "HASH_MISMATCH":
          return "Conflict: same version, different data";
        case "DELETED_ITEM":
          return "Conflict: the record was deleted on the server";
        default:
          return "Conflict: the record was modified concurrently";
      }
  }
}

const RESOLUTIONS = { SERVER: "SERVER_WINS", CLIENT: "CLIENT_WINS", MERGED: "MERGE", OPEN: "MANUAL" } as const;

function seedConflictOf({ field, localValue, serverValue, resolution }: FieldDifference): SeedConflict {
  return {
    field,
    localValue: asText(localValue),
    serverValue: asText(serverValue),
    resolution: RESOLUTIONS[resolution],
  };
}

/** Existing devices decode strings there, whatever the field holds. */
function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

export interface UpdatedRecord {
  readonly collection: SeedCollection;
  readonly localId: string;
  readonly syncVersion: number;
  readonly hash: string;
  readonly deleted: boolean;
  readonly createdBy: string;
  /** Epoch ms. */
  readonly updatedAt: number;
  readonly data: Record<string, unknown> | null;
}

/** Records as the seed's updates: values as items, deletions as ids. */
export function updatesOf(records: readonly UpdatedRecord[]): SeedUpdates {
  const updates: SeedUpdates = { orders: [], transactions: [], deletedOrderIds: [], deletedTransactionIds: [] };
  for (const record of records) {
    const isOrder = record.collection === "orders";
    if (record.deleted) (isOrder ? updates.deletedOrderIds : updates.deletedTransactionIds).push(record.localId);
    else (isOrder ? updates.orders : updates.transactions).push(itemOf(record));
  }
  return updates;
}

function itemOf({ collection, localId, syncVersion, hash, createdBy, updatedAt, data }: UpdatedRecord): object {
  return {
    [collection === "orders" ? "order" : "transaction"]: data,
    localId,
    syncStatus: "SYNCED",
    syncVersion,
    deviceId: createdBy,
    lastSyncedAt: updatedAt,
    serverHash: hash,
  };
}
