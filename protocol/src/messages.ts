/**
 * Every message, as a schema: the only place where they are defined. A transport carries them and never interprets them.
 * Members that a schema does not name are ignored, so that later versions may add some; data of records is kept as it is.
 */
import * as z from "zod/mini";
import { LIMITS } from "./limits.ts";

const ID = /^[A-Za-z0-9._:-]{1,64}$/;
const HASH = /^[0-9a-f]{64}$/;
const COLLECTION = /^[a-z][a-z0-9_-]{0,63}$/;

/** A localId or deviceId: 1 to 64 characters of `A-Za-z0-9._:-`. */
export const idSchema = z.string().check(z.regex(ID));
export const hashSchema = z.string().check(z.regex(HASH));
export const collectionNameSchema = z.string().check(z.regex(COLLECTION));
/** A short text for people: without control characters and halves of surrogate pairs, which PostgreSQL does not take. */
export const labelSchema = (longest: number) => z.string().check(z.maxLength(longest), z.regex(/^[^\p{Cc}\p{Cs}]*$/u));
const seqSchema = z.int().check(z.gte(0));
const versionSchema = z.int().check(z.gte(1), z.lte(LIMITS.syncVersion));
/** Milliseconds since 1970 in UTC. */
const timeSchema = z.int();
/** The last that a Date shows. */
const LAST_TIME = 8_640_000_000_000_000;

export const roleSchema = z.enum(["register", "display", "script"]);
export type Role = z.infer<typeof roleSchema>;
export const policySchema = z.enum(["SERVER_WINS", "CLIENT_WINS", "MERGE", "MANUAL"]);
export type ConflictPolicy = z.infer<typeof policySchema>;
export const outcomeSchema = z.enum(["accepted", "duplicate", "merged", "conflict", "rejected"]);
export type Outcome = z.infer<typeof outcomeSchema>;
/**
 * The seed's four, and two clashes that are not of two versions of one record. NUMBER_TAKEN: two records claim one number; the later is
 * taken under an amended one. ID_TAKEN: a new record bears the localId of another; a person decides, under every policy.
 */
export const conflictKindSchema = z.enum([
  "VERSION_MISMATCH",
  "HASH_MISMATCH",
  "CONCURRENT_MODIFICATION",
  "DELETED_ITEM",
  "NUMBER_TAKEN",
  "ID_TAKEN",
]);
export type ConflictKind = z.infer<typeof conflictKindSchema>;

/** The server state that a write was made on: version 0 and hash null for a new record. */
export const baseSchema = z.object({
  version: z.int().check(z.gte(0), z.lte(LIMITS.syncVersion)),
  hash: z.nullable(hashSchema),
});
export type Base = z.infer<typeof baseSchema>;

export const writeSchema = z.object({
  collection: collectionNameSchema,
  localId: idSchema,
  op: z.enum(["put", "delete"]),
  syncVersion: versionSchema,
  /** null: not known (seed clients). */
  base: z.nullable(baseSchema),
  hash: hashSchema,
  data: z.unknown(),
  /** localId of the conflict that this write settles: a write of its record or, to keep both sides, a new record of its collection. */
  resolves: z.optional(idSchema),
  /** What a replica held when the server lost it. */
  reoffer: z.optional(z.boolean()),
  /**
   * With `reoffer`: as it stood in the change that was lost. Else the device that the sender was when it sent this write first, where that is
   * another one (enrolled anew since, or a file of its unsent writes): the server may know the write as that device's.
   */
  deviceId: z.optional(idSchema),
  /** With `reoffer` only: as they stood in the change that was lost. */
  createdBy: z.optional(idSchema),
  updatedAt: z.optional(timeSchema.check(z.gte(0), z.lte(LAST_TIME))),
});
export type Write = z.infer<typeof writeSchema>;

export const changeSchema = z.object({
  seq: seqSchema,
  collection: collectionNameSchema,
  localId: idSchema,
  syncVersion: versionSchema,
  hash: hashSchema,
  deleted: z.boolean(),
  deviceId: idSchema,
  createdBy: idSchema,
  updatedAt: timeSchema,
  data: z.unknown(),
});
export type Change = z.infer<typeof changeSchema>;

/** One differing field, in dotted form (`items.3f2a.quantity`); values as they stand in the data, absent ones null. */
export const fieldDifferenceSchema = z.object({
  field: z.string(),
  localValue: z.unknown(),
  serverValue: z.unknown(),
  /** Which side stands now: `SERVER`, `CLIENT`, `MERGED` or `OPEN`. */
  resolution: z.enum(["SERVER", "CLIENT", "MERGED", "OPEN"]),
  /** The values, or the end of a long path, are left out here for their size: the conflict's record keeps both sides whole. */
  omitted: z.optional(z.boolean()),
});
export type FieldDifference = z.infer<typeof fieldDifferenceSchema>;

export const resultSchema = z.object({
  collection: z.string(),
  localId: z.string(),
  outcome: outcomeSchema,
  seq: z.optional(seqSchema),
  syncVersion: z.optional(versionSchema),
  hash: z.optional(hashSchema),
  deleted: z.optional(z.boolean()),
  updatedAt: z.optional(timeSchema),
  /** Present whenever the server's value differs from what was sent; null with `deleted`. */
  data: z.optional(z.unknown()),
  conflict: z.optional(
    z.object({
      /** localId of the record in the collection `conflicts`. */
      id: idSchema,
      // Texts and not the enums: a device that is older than a kind must still take the result, or it would send for ever.
      kind: z.string(),
      policy: z.string(),
      fields: z.array(fieldDifferenceSchema),
    }),
  ),
  code: z.optional(z.string()),
  message: z.optional(z.string()),
});
export type Result = z.infer<typeof resultSchema>;

/** What a device tells of itself; nothing here is trusted for more than showing it. */
const statusFields = {
  cursor: z.optional(seqSchema),
  pending: z.optional(z.int().check(z.gte(0))),
  oldestPendingAt: z.optional(z.nullable(timeSchema)),
  failed: z.optional(z.int().check(z.gte(0))),
  conflicts: z.optional(z.int().check(z.gte(0))),
  clock: z.optional(timeSchema),
  digestsEqual: z.optional(z.boolean()),
  /** How often a comparison at the head failed since this replica was set up. */
  digestMismatches: z.optional(z.int().check(z.gte(0))),
  storage: z.optional(
    z.object({ persisted: z.boolean(), usage: z.optional(z.number()), quota: z.optional(z.number()) }),
  ),
};
export const deviceStatusSchema = z.object(statusFields);
export type DeviceStatus = z.infer<typeof deviceStatusSchema>;

/** Of a device's local database: every welcome gives a new one, which the device keeps there. */
const markSchema = z.string().check(z.minLength(1), z.maxLength(64));

export const helloSchema = z.object({
  type: z.literal("hello"),
  protocol: z.int(),
  token: z.string().check(z.maxLength(256)),
  syncToken: z.nullable(z.string().check(z.maxLength(256))),
  collections: z.optional(z.array(collectionNameSchema).check(z.minLength(1), z.maxLength(100))),
  presence: z.optional(z.boolean()),
  /** As the last welcome gave it: tells a copied device, whose copies hold older ones. */
  mark: z.optional(z.nullable(markSchema)),
  app: z.optional(z.object({ name: labelSchema(64), version: labelSchema(64) })),
  status: z.optional(deviceStatusSchema),
});
export type Hello = z.infer<typeof helloSchema>;

/** Writes are parsed one by one, so that a bad one does not block its neighbours. */
export const pushSchema = z.object({
  type: z.literal("push"),
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  writes: z.array(z.unknown()).check(z.maxLength(LIMITS.pushWrites)),
});
export type Push = z.infer<typeof pushSchema>;

export const pullSchema = z.object({
  type: z.literal("pull"),
  syncToken: z.nullable(z.string().check(z.maxLength(256))),
});
export const statusSchema = z.object({ type: z.literal("status"), ...statusFields });
export const pingSchema = z.object({ type: z.literal("ping"), clock: z.optional(timeSchema) });

/** What a device may say. */
export const deviceMessageSchema = z.discriminatedUnion("type", [
  helloSchema,
  pushSchema,
  pullSchema,
  statusSchema,
  pingSchema,
]);
export type DeviceMessage = z.infer<typeof deviceMessageSchema>;

export const welcomeSchema = z.object({
  type: z.literal("welcome"),
  protocol: z.int(),
  storeId: idSchema,
  deviceId: idSchema,
  epoch: z.string(),
  head: seqSchema,
  clock: timeSchema,
  heartbeatMs: z.int(),
  mark: z.optional(markSchema),
  /** This device's identity is in use on another machine too: enrol this one, or the other, anew. */
  copied: z.optional(z.boolean()),
  limits: z.object({ writeBytes: z.int(), pushWrites: z.int(), pushBytes: z.int(), messageBytes: z.int() }),
});
export type Welcome = z.infer<typeof welcomeSchema>;

export const collectionDigestSchema = z.object({ count: z.int(), digest: z.string().check(z.regex(/^[0-9a-f]{16}$/)) });
export type CollectionDigest = z.infer<typeof collectionDigestSchema>;
export const digestsSchema = z.record(z.string(), collectionDigestSchema);
export type Digests = z.infer<typeof digestsSchema>;

export const changesSchema = z.object({
  type: z.literal("changes"),
  from: seqSchema,
  to: seqSchema,
  head: seqSchema,
  syncToken: z.string(),
  changes: z.array(changeSchema),
  /** Present whenever `to` equals `head`, for the chosen collections. */
  digests: z.optional(digestsSchema),
});
/** A frame: a contiguous stretch of the feed. */
export type Changes = z.infer<typeof changesSchema>;

export const pushedSchema = z.object({ type: z.literal("pushed"), id: z.string(), results: z.array(resultSchema) });
export type Pushed = z.infer<typeof pushedSchema>;

export const resetReasonSchema = z.enum(["EPOCH_CHANGED", "CURSOR_AHEAD"]);
export type ResetReason = z.infer<typeof resetReasonSchema>;
export const resetSchema = z.object({
  type: z.literal("reset"),
  reason: resetReasonSchema,
  epoch: z.string(),
  reoffer: z.boolean(),
});
export type Reset = z.infer<typeof resetSchema>;

export const presentDeviceSchema = z.object({
  deviceId: idSchema,
  name: z.string(),
  role: roleSchema,
  online: z.boolean(),
  cursor: z.nullable(seqSchema),
  pending: z.nullable(z.int()),
  lastSeenAt: z.nullable(timeSchema),
  clockOffsetMs: z.nullable(z.int()),
  /** Its identity was seen on two machines. */
  copied: z.optional(z.boolean()),
});
export type PresentDevice = z.infer<typeof presentDeviceSchema>;
export const presenceSchema = z.object({ type: z.literal("presence"), devices: z.array(presentDeviceSchema) });

export const pongSchema = z.object({ type: z.literal("pong"), clock: timeSchema, head: seqSchema });

export const errorMessageSchema = z.object({
  type: z.literal("error"),
  code: z.string(),
  message: z.string(),
  retry: z.enum(["never", "backoff", "reauthenticate", "upgrade"]),
  retryAfterMs: z.optional(z.int()),
  requestId: z.optional(z.string()),
});
export type ErrorMessage = z.infer<typeof errorMessageSchema>;

/** What the server may say. */
export const serverMessageSchema = z.discriminatedUnion("type", [
  welcomeSchema,
  changesSchema,
  pushedSchema,
  resetSchema,
  presenceSchema,
  pongSchema,
  errorMessageSchema,
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** Body of `POST /api/sync/push`: a push outside of a session, which therefore names its epoch. */
export const httpPushSchema = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  syncToken: z.nullable(z.string().check(z.maxLength(256))),
  writes: z.array(z.unknown()).check(z.maxLength(LIMITS.pushWrites)),
});

const { syncToken, mark, app } = helloSchema.shape;
/** Body of `POST /api/sync/status`: what a device that polls tells of itself; `mark` as in a hello, where it keeps one. */
export const httpStatusSchema = z.object({ syncToken, mark, app, status: deviceStatusSchema });
export type HttpStatus = z.infer<typeof httpStatusSchema>;
/** Its answer, as in a welcome. */
export const markingSchema = z.object({ mark: z.optional(markSchema), copied: z.optional(z.boolean()) });

export const enrolRequestSchema = z.object({
  code: z.string().check(z.minLength(1), z.maxLength(32)),
  deviceId: z.optional(idSchema),
});
export const enrolResponseSchema = z.object({
  token: z.string(),
  deviceId: idSchema,
  storeId: idSchema,
  registerCode: z.string(),
  role: roleSchema,
  name: z.string(),
  storeName: z.string(),
});
export type EnrolResponse = z.infer<typeof enrolResponseSchema>;
export const enrolmentRequestSchema = z.object({
  name: labelSchema(100).check(z.minLength(1)),
  role: roleSchema,
});

/** Answer of `GET /api/records/:collection/:localId/history`: versions as they once stood in the feed, latest first. */
export const historySchema = z.object({
  collection: collectionNameSchema,
  localId: idSchema,
  versions: z.array(changeSchema),
  /** syncVersion to ask for as `before` next; null: nothing older. */
  nextBefore: z.nullable(versionSchema),
});
export type RecordHistory = z.infer<typeof historySchema>;

/** Body of `PUT /api/admin/policies`: by collection; null: as declared again. Collections that are not named stay as they are. */
export const policiesRequestSchema = z.object({
  policies: z.record(collectionNameSchema, z.nullable(policySchema)),
  storeId: z.optional(idSchema),
});
