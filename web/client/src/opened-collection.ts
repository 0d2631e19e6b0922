/** A collection in one tab's memory: the server's records of the visible generation, and what people see of them. */
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { InSight, ReplicaRecord } from "./api.ts";
import type { BaseRecord } from "./local-store.ts";
import { recordKey } from "./outbox.ts";
import { signal } from "./signal.ts";

/** Every change adds the keys of the records that are to be shown anew to `touched`. */
export class OpenedCollection {
  readonly base = new Map<string, BaseRecord>();
  readonly visible = new Map<string, ReplicaRecord<unknown>>();
  /** What people see, as of the last `tell`. */
  readonly records = signal<readonly ReplicaRecord<unknown>[]>([]);
  /** Whether the local database has been read. */
  loaded = false;
  #dirty = false;

  constructor(
    private readonly name: string,
    private readonly inSight?: InSight,
  ) {}

  install(records: readonly BaseRecord[], touched: Set<string>): void {
    for (const localId of this.visible.keys()) touched.add(recordKey(this.name, localId));
    this.base.clear();
    for (const record of records) {
      this.base.set(record.localId, record);
      touched.add(recordKey(this.name, record.localId));
    }
    this.loaded = true;
    this.#dirty = true;
  }

  take(record: BaseRecord, touched: Set<string>): void {
    this.base.set(record.localId, record);
    touched.add(recordKey(this.name, record.localId));
  }

  show(localId: string, record: ReplicaRecord<unknown> | undefined): void {
    if (record) this.visible.set(localId, record);
    else this.visible.delete(localId);
    this.#dirty = true;
  }

  /** Tells observers, if there is news. */
  tell(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#forget();
    this.records.set([...this.visible.values()]);
  }

  /** The local database keeps what goes out of sight; whatever becomes of it later comes whole. */
  #forget(): void {
    if (!this.inSight) return;
    const synced = [...this.visible.values()].filter((record) => record.sync === "synced" && !isOpenConflict(record));
    const kept = new Set(this.inSight(synced));
    for (const record of synced) {
      if (kept.has(record)) continue;
      this.visible.delete(record.localId);
      this.base.delete(record.localId);
    }
  }
}

// What is open decides how its record is shown: it is never out of sight.
function isOpenConflict({ collection, data }: ReplicaRecord<unknown>): boolean {
  return collection === conflicts.name && (data as ConflictData).status === "open";
}
