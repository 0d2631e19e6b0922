/**
 * Unsent writes of another device, from the file that it exported: they become writes of this one, in versions and on bases as they were
 * there. So the server knows one that is imported twice for the same, whatever has become of its record, and compares one that was made
 * on something else with what stands; nothing that waits here gives way to it.
 */
import { checkData, type CollectionSet } from "@tillwire/protocol/collection";
import { ReplicationError, WriteRejection } from "@tillwire/protocol/errors";
import { TOMBSTONE_HASH } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import { baseSchema, collectionNameSchema, hashSchema, idSchema } from "@tillwire/protocol/messages";
import * as z from "zod/mini";
import type { Identity, ImportReport, RefusedImport } from "./api.ts";
import { commit, NEW_LOCAL, type Committed } from "./commit.ts";
import type { LocalStore, WriteTx } from "./local-store.ts";
import { positionOf, recordKey, samePosition, type OutboxRow } from "./outbox.ts";
import { plainJson } from "./save.ts";
import { settledOf, visibleOf } from "./visible.ts";

/** More than any outbox holds; a file is read as a whole. */
const MAX_CHARACTERS = 256 * 1024 * 1024;
const MAX_ROWS = 200_000;

const rowSchema = z.object({
  collection: collectionNameSchema,
  localId: idSchema,
  op: z.enum(["put", "delete"]),
  syncVersion: z.int().check(z.minimum(1), z.maximum(LIMITS.syncVersion)),
  base: z.nullable(baseSchema),
  hash: hashSchema,
  data: z.unknown(),
  resolves: z.optional(idSchema),
  sentAs: z.optional(idSchema),
  reoffer: z.optional(z.object({ deviceId: idSchema, createdBy: idSchema, updatedAt: z.int() })),
});
type FileRow = z.infer<typeof rowSchema>;

const fileSchema = z.object({
  format: z.literal("tillwire-outbox"),
  version: z.literal(1),
  storeId: idSchema,
  deviceId: idSchema,
  rows: z.array(rowSchema).check(z.maxLength(MAX_ROWS)),
});

export interface ImportHost {
  readonly store: LocalStore;
  readonly identity: Identity;
  readonly collections: CollectionSet;
  /** Device clock, epoch ms. */
  readonly now: () => number;
  /** Tells view, tabs and sync loop. */
  readonly wrote: (committed: Committed<unknown>) => Promise<unknown>;
}

/** A row that passed the checks of a save. */
type Checked = Pick<OutboxRow, "collection" | "localId" | "op" | "syncVersion" | "base" | "hash" | "data" | "bytes"> &
  Pick<FileRow, "resolves" | "sentAs" | "reoffer">;

/**
 * One record after another, each durable before the next, so that an import that breaks off is simply made again: what stands or waits here
 * already is passed over. What this device can't take is told and left out; what others changed meanwhile the server finds in conflict, as ever.
 * @throws ReplicationError UNPROCESSABLE for a file that is none, FORBIDDEN for one of another store; nothing is imported then
 */
export async function importOutbox(host: ImportHost, text: string): Promise<ImportReport> {
  const { storeId, deviceId, rows } = readFile(text);
  if (storeId !== host.identity.storeId) throw new ReplicationError("FORBIDDEN", "this file belongs to another store");
  const refused: RefusedImport[] = [];
  const records = new Map<string, Checked[]>();
  for (const row of rows) {
    const checked = orRefused(row, refused, () => checkedRow(host, { sentAs: deviceId, ...row }));
    if (!checked) continue;
    const key = recordKey(row.collection, row.localId);
    const chain = records.get(key);
    if (chain) chain.push(checked);
    else records.set(key, [checked]);
  }
  let [imported, known] = [0, 0];
  for (const chain of records.values()) {
    const committed = await commit(host.store, "strict", (tx) => importRecord(tx, host, chain));
    await host.wrote(committed);
    imported += committed.result.imported;
    known += committed.result.known;
    refused.push(...committed.result.refused);
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

function orRefused<T>(
  { collection, localId }: Pick<FileRow, "collection" | "localId">,
  refused: RefusedImport[],
  run: () => T,
): T | null {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof WriteRejection)) throw error;
    refused.push({ collection, localId, code: error.code, message: error.message });
    return null;
  }
}

/** @throws WriteRejection */
function checkedRow({ collections, identity }: ImportHost, row: FileRow): Checked {
  const { collection: name, base, syncVersion, op, reoffer } = row;
  const declaration = collections.get(name);
  if (!declaration) throw new WriteRejection("COLLECTION_UNKNOWN", `there is no collection ${name}`);
  // What is offered again needs no role, except where only the server writes.
  const mayWrite = reoffer ? declaration.writableBy.length > 0 : declaration.writableBy.includes(identity.role);
  if (!mayWrite) throw new WriteRejection("ROLE", `a ${identity.role} may not write ${name}`);
  if (reoffer ? base !== null : base === null || base.version >= syncVersion)
    throw new WriteRejection("WRITE_MALFORMED", "the row does not say what it was made on");
  if (op === "put" && (typeof row.data !== "object" || row.data === null))
    throw new WriteRejection("SCHEMA", "a put carries an object");
  const { value: data, bytes } = op === "put" ? plainJson(row.data as object) : { value: null, bytes: 4 };
  if (checkData(declaration, data).hash !== row.hash)
    throw new WriteRejection("HASH_WRONG", "hash is not that of data");
  return { ...row, data, bytes };
}

async function importRecord(tx: WriteTx, host: ImportHost, chain: readonly Checked[]): Promise<ImportReport> {
  const { collection, localId } = chain[0]!;
  const sync = await tx.meta("sync");
  const [base, overlay, rows, storedLocal] = await Promise.all([
    tx.record(sync?.visible ?? 0, collection, localId),
    tx.overlay(collection, localId),
    tx.outboxOf(collection, localId),
    tx.meta("local"),
  ]);
  const settled = settledOf(base, overlay);
  let local = storedLocal ?? NEW_LOCAL;
  const inForce = rows.filter(({ state }) => state !== "rejected");
  const visible = () => visibleOf(base, overlay, inForce, host.identity.deviceId);
  const standing = inForce.at(-1)?.hash ?? (settled?.deleted ? TOMBSTONE_HASH : settled?.hash);
  // What stands here at the end of the chain stands here for all that led to it.
  const stands = chain.findLastIndex((row) => row.resolves === undefined && row.hash === standing);
  const refused: RefusedImport[] = [];
  let imported = 0;
  for (const [index, row] of chain.entries()) {
    if (index <= stands || rows.some((own) => isSame(own, row))) continue;
    const current = (visible()?.data ?? null) as Record<string, unknown> | null;
    const checked = orRefused(row, refused, () => guarded(host, current, row));
    if (!checked) continue;
    const front = row.reoffer !== undefined;
    const key = front ? local.frontKey - 1 : local.nextKey;
    local = front ? { ...local, frontKey: key } : { ...local, nextKey: key + 1 };
    const queued = importedRow(row, chain[index - 1], key, host.now());
    tx.putOutbox(queued);
    if (front) inForce.unshift(queued);
    else inForce.push(queued);
    imported += 1;
  }
  if (imported > 0) tx.setMeta("local", local);
  return { imported, known: chain.length - imported - refused.length, refused };
}

function isSame(own: OutboxRow, row: Checked): boolean {
  const isOnSame = own.base === row.base || samePosition(own.base, row.base);
  return isOnSame && samePosition(positionOf(own), positionOf(row)) && own.resolves === row.resolves;
}

/** @throws WriteRejection GUARD */
function guarded({ collections }: ImportHost, current: Record<string, unknown> | null, row: Checked): Checked {
  // What was lost is compared by the server, with what it has by now.
  const data = row.data as Record<string, unknown> | null;
  const refusal = row.reoffer ? null : (collections.get(row.collection)?.guard?.(current, data) ?? null);
  if (refusal !== null) throw new WriteRejection("GUARD", refusal);
  return row;
}

/** @param before the record's row before it in the file */
function importedRow(row: Checked, before: Checked | undefined, key: number, now: number): OutboxRow {
  const times = { createdAt: now, editedAt: now, absorbed: [] };
  if (row.reoffer) return { ...row, ...times, key, state: "queued" };
  // Never changed any more: it may be known to the server, as that device's, from there or from an import before this one. What was made on it follows its result.
  const isBehind = before !== undefined && samePosition(row.base, positionOf(before));
  return isBehind
    ? { ...row, ...times, key, state: "queued", mayBeKnown: true }
    : { ...row, ...times, key, state: "sent" };
}
