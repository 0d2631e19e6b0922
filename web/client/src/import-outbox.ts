/** Unsent writes of another device, from the file that it exported: they become writes of this one. */
import { ReplicationError, WriteRejection } from "@tillwire/protocol/errors";
import { baseSchema, collectionNameSchema, hashSchema, idSchema, type Base } from "@tillwire/protocol/messages";
import * as z from "zod/mini";
import type { ImportReport, RefusedImport, ReplicaRecord, WriteIntent } from "./api.ts";
import { positionOf, recordKey, samePosition } from "./outbox.ts";

/** More than any outbox holds; a file is read as a whole. */
const MAX_CHARACTERS = 256 * 1024 * 1024;
const MAX_ROWS = 200_000;

const rowSchema = z.object({
  collection: collectionNameSchema,
  localId: idSchema,
  op: z.enum(["put", "delete"]),
  syncVersion: z.int(),
  base: z.nullable(baseSchema),
  hash: hashSchema,
  data: z.unknown(),
  resolves: z.optional(idSchema),
});
type FileRow = z.infer<typeof rowSchema>;

const fileSchema = z.object({
  format: z.literal("tillwire-outbox"),
  version: z.literal(1),
  storeId: idSchema,
  deviceId: idSchema,
  rows: z.array(rowSchema).check(z.maxLength(MAX_ROWS)),
});

type Standing = Pick<ReplicaRecord<unknown>, "hash" | "readAt">;

export interface ImportHost {
  readonly storeId: string;
  /** The record as it stands here, own writes included. */
  readonly recordOf: (collection: string, localId: string) => Promise<Standing | undefined>;
  /** Saves one write, strictly. @throws WriteRejection */
  readonly save: (intent: WriteIntent) => Promise<Standing | undefined>;
}

/**
 * One write after another, each durable before the next, so that an import that breaks off is simply made again: what stands here already is
 * passed over. What this device can't take is told and left out; what others changed meanwhile the server finds in conflict, as ever.
 * @throws ReplicationError UNPROCESSABLE for a file that is none, FORBIDDEN for one of another store; nothing is imported then
 */
export async function importOutbox(host: ImportHost, text: string): Promise<ImportReport> {
  const { storeId, rows } = readFile(text);
  if (storeId !== host.storeId) throw new ReplicationError("FORBIDDEN", "this file belongs to another store");
  let [imported, known] = [0, 0];
  const refused: RefusedImport[] = [];
  /** By record: the position of its last write in the file, and where that stands here. */
  const chains = new Map<string, { inFile: Base; here: Base }>();
  for (const row of rows) {
    const { collection, localId, hash, syncVersion } = row;
    const key = recordKey(collection, localId);
    const before = chains.get(key);
    const base = before && samePosition(row.base, before.inFile) ? before.here : row.base;
    try {
      const standing = await host.recordOf(collection, localId);
      const isKnown = row.op === "put" && standing?.hash === hash;
      const saved = isKnown ? standing : await host.save(intentOf(row, base));
      if (isKnown) known += 1;
      else imported += 1;
      if (saved) chains.set(key, { inFile: positionOf({ syncVersion, hash }), here: saved.readAt });
    } catch (error) {
      if (!(error instanceof WriteRejection)) throw error;
      refused.push({ collection, localId, code: error.code, message: error.message });
    }
  }
  return { imported, known, refused };
}

function readFile(text: string): z.infer<typeof fileSchema> {
  const parsed = text.length <= MAX_CHARACTERS ? fileSchema.safeParse(asJson(text)) : null;
  if (!parsed?.success) throw new ReplicationError("UNPROCESSABLE", "this is no file of unsent writes");
  return parsed.data;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Made on what the other device had read, not on what stands here: a change that came between is not overwritten.
function intentOf({ collection, localId, op, data, resolves }: FileRow, base: Base | null): WriteIntent {
  const common = { collection, localId, ...(base && { readAt: base }), ...(resolves !== undefined && { resolves }) };
  return op === "put" ? { op, data: data as object, ...common } : { op, ...common };
}
