/** Conflicts settled other than by the server's value: pure functions from both sides to the value that shall stand. */
import { checkData } from "@tillwire/protocol/collection";
import { WriteRejection } from "@tillwire/protocol/errors";
import { mergeData } from "@tillwire/protocol/merge";
import type { FieldDifference } from "@tillwire/protocol/messages";
import type { CheckedWrite } from "./checked-write.ts";
import type { StoredRecord } from "./store/store.ts";

export interface Settlement {
  readonly settlement: "CLIENT" | "MERGED";
  /** null: the record is deleted. */
  readonly data: Record<string, unknown> | null;
  readonly hash: string;
  /** Fields that both sides changed, where one side had to give way; null: all that differ. */
  readonly clashes: readonly FieldDifference[] | null;
}

/** CLIENT_WINS: the device's value, on top of the current one. */
export function clientWins(write: CheckedWrite): Settlement {
  return { settlement: "CLIENT", data: write.data, hash: write.hash, clashes: null };
}

/**
 * MERGE: three-way, field by field from the value that the write was made on; what follows from others is computed anew.
 * @returns null where there is nothing to merge (no base, a deletion on a side), the result would be no record, or the guard would not let
 *   the device's own value become it: what was paid there is not to be changed by merging something into it
 */
export function merge(
  write: CheckedWrite,
  current: StoredRecord,
  baseData: Record<string, unknown> | null,
): Settlement | null {
  const { collection } = write;
  if (!baseData || !write.data || !current.data) return null;
  const { sumFields = [], derivedFields = [] } = collection;
  const { data, clashes } = mergeData(baseData, write.data, current.data, { sumFields, derivedFields });
  const derived = collection.derive?.(data, current.data, write.data) ?? data;
  if ((collection.guard?.(write.data, derived) ?? null) !== null) return null;
  try {
    return { settlement: "MERGED", data: derived, hash: checkData(collection, derived).hash, clashes };
  } catch (error) {
    if (error instanceof WriteRejection) return null;
    throw error;
  }
}
