/** A decision, once carried out, as the result that the device gets. */
import type { Result } from "@tillwire/protocol/messages";
import type { CheckedWrite } from "./checked-write.ts";
import { storedAt } from "./store/store.ts";
import type { Decided } from "./take-write.ts";

/**
 * @param seq of the stored row, where one was stored
 * @param at the commit's time, epoch ms
 */
export function resultOf(write: CheckedWrite, decided: Decided, seq: number, at: number): Result {
  const result: Result = { collection: write.collection.name, localId: write.localId, outcome: decided.outcome };
  if (decided.rejection) {
    result.code = decided.rejection.code;
    result.message = decided.rejection.message;
  }
  if (decided.conflict) result.conflict = { ...decided.conflict, fields: [...decided.conflict.fields] };
  const { stored, current } = decided;
  const value = stored?.row ?? current;
  if (!value) return result;
  result.seq = stored ? seq : current!.seq;
  result.syncVersion = value.syncVersion;
  result.hash = value.hash;
  result.deleted = value.deleted;
  result.updatedAt = stored ? storedAt(stored.row, at) : current!.updatedAt;
  if (value.hash !== write.hash || value.deleted !== write.deleted) result.data = stored ? stored.data : current!.data;
  return result;
}
