/**
 * The open conflicts by the record that they are about: an index of the replicated collection `conflicts`, so that no record has to look
 * through it. On the device whose write lost, its side is what people see.
 */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Base } from "@tillwire/protocol/messages";
import { recordKey } from "./outbox.ts";

export class OpenConflicts {
  readonly #ofRecord = new Map<string, Map<string, ConflictData>>();
  readonly #records = new Map<string, string>();

  /** @param data as it stands now; undefined: gone. Adds the records that it concerns to `touched` */
  take(id: string, data: ConflictData | undefined, touched: Set<string>): void {
    const before = this.#records.get(id);
    if (before !== undefined) {
      touched.add(before);
      this.#records.delete(id);
      const others = this.#ofRecord.get(before);
      others?.delete(id);
      if (others?.size === 0) this.#ofRecord.delete(before);
    }
    if (data?.status !== "open") return;
    const record = recordKey(data.collection, data.recordId);
    const conflicts = this.#ofRecord.get(record) ?? new Map<string, ConflictData>();
    this.#ofRecord.set(record, conflicts.set(id, data));
    this.#records.set(id, record);
    touched.add(record);
  }

  /** Keys of the records with an open conflict. */
  records(): Iterable<string> {
    return this.#ofRecord.keys();
  }

  about(record: string): Iterable<ConflictData> {
    return this.#ofRecord.get(record)?.values() ?? [];
  }

  /** The conflict in which this device's own write of the record waits. */
  lostBy(deviceId: string, record: string): ConflictData | undefined {
    return latestLostBy(deviceId, this.about(record));
  }
}

/** The server keeps one per record and device; were there two, the later edit is what people see. */
export function latestLostBy(deviceId: string, conflicts: Iterable<ConflictData>): ConflictData | undefined {
  let latest: ConflictData | undefined;
  for (const conflict of conflicts) {
    if (conflict.status !== "open" || conflict.client.deviceId !== deviceId) continue;
    if (!latest || conflict.client.syncVersion > latest.client.syncVersion) latest = conflict;
  }
  return latest;
}

/** Position of the own edit that people see; null where it is a deletion, beneath which they see the server's value. */
export function ownSidePosition(conflict: ConflictData | undefined): Base | null {
  if (!conflict || conflict.client.deleted) return null;
  return { version: conflict.client.syncVersion, hash: conflict.client.hash };
}
