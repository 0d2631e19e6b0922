/**
 * The collection `conflicts`: what the server settled or left open, kept as records that only the server writes, so that they
 * travel in the feed and every register has the inbox.
 */
import * as z from "zod/mini";
import { defineCollection } from "./collection.ts";
import {
  baseSchema,
  collectionNameSchema,
  conflictKindSchema,
  fieldDifferenceSchema,
  hashSchema,
  idSchema,
  policySchema,
} from "./messages.ts";

/** deviceId and createdBy of what the server itself writes. */
export const SERVER_DEVICE_ID = "server";

const sideSchema = z.looseObject({
  syncVersion: z.int(),
  hash: hashSchema,
  deleted: z.boolean(),
  deviceId: idSchema,
  /** Server time, epoch ms, at which this side was stored or arrived. */
  at: z.int(),
  data: z.unknown(),
});

/** A settling write that came too late: the conflict had been settled, or the record had gone on. Nothing of it was taken. */
const attemptSchema = z.looseObject({
  syncVersion: z.int(),
  hash: hashSchema,
  deleted: z.boolean(),
  deviceId: idSchema,
  at: z.int(),
  data: z.unknown(),
});

export const conflictDataSchema = z.looseObject({
  id: idSchema,
  collection: collectionNameSchema,
  /** The record that the two sides are versions of. */
  recordId: idSchema,
  kind: conflictKindSchema,
  /** What decided. */
  policy: policySchema,
  status: z.enum(["open", "settled"]),
  /** What the losing write was made on; null: not known. */
  base: z.nullable(baseSchema),
  /** The write that clashed, kept whole. While the conflict is open, further edits of its device replace it. */
  client: sideSchema,
  /** The server's value when this was last looked at. The record itself may have gone on. */
  server: sideSchema,
  fields: z.array(fieldDifferenceSchema),
  createdAt: z.int(),
  settledAt: z.nullable(z.int()),
  /** deviceId, or `server` where a policy did. */
  settledBy: z.nullable(idSchema),
  /** BOTH: the record stayed as it was, and the write's side became a record of its own. */
  settlement: z.nullable(z.enum(["SERVER", "CLIENT", "MERGED", "BOTH"])),
  /** With settlement BOTH: localId of that record. */
  keptAs: z.optional(idSchema),
  /** Latest last; older ones are in this record's history. */
  attempts: z.optional(z.array(attemptSchema)),
});
export type ConflictData = z.infer<typeof conflictDataSchema>;

export const conflicts = defineCollection<ConflictData>({
  name: "conflicts",
  schema: conflictDataSchema,
  writableBy: [],
});
