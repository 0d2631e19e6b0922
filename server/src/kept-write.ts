/** Writes of existing devices, completed by what these know nothing of. Pure. */
import { checkData, uniqueValueOf } from "@tillwire/protocol/collection";
import { WriteRejection } from "@tillwire/protocol/errors";
import { storable, type CheckedWrite } from "./checked-write.ts";
import type { StoredRecord } from "./store/store.ts";

/**
 * The value that the write should become, on top of the current one; the write itself where that is what was sent. Whatever becomes of
 * it, the write is remembered as it was sent.
 */
export function withKept(write: CheckedWrite, current: StoredRecord): CheckedWrite {
  const { collection, seed } = write;
  if (!seed || !collection.keep || !write.data || !current.data) return write;
  const kept = collection.keep(current.data, write.data);
  if (kept === write.data) return write;
  try {
    const { hash } = checkData(collection, kept);
    const { data, json } = storable(kept);
    return { ...write, data, hash, dataJson: json, number: uniqueValueOf(collection, data) };
  } catch (error) {
    // together too large, most likely: then it is taken as it came
    if (error instanceof WriteRejection) return write;
    throw error;
  }
}
