/** Every version of every record of the preview, as a server would keep them. Not part of the product. */
import type { DeletedRecord, ReplicaRecord } from "@tillwire/client/api";
import { ReplicationError } from "@tillwire/protocol/errors";
import type { Change, RecordHistory } from "@tillwire/protocol/messages";

const VERSIONS_A_PAGE = 6;

/** `data` null: the record is deleted. */
export type FakeVersion = Pick<
  ReplicaRecord<unknown>,
  "collection" | "localId" | "hash" | "deviceId" | "updatedAt" | "data"
>;

export class FakeHistory {
  /** Of each record the oldest first. */
  readonly #versions = new Map<string, Change[]>();

  add(version: FakeVersion): void {
    const { collection, localId, hash, deviceId, updatedAt, data } = version;
    const key = `${collection}/${localId}`;
    const versions = this.#versions.get(key) ?? [];
    const syncVersion = versions.length + 1;
    const createdBy = versions[0]?.createdBy ?? deviceId;
    const deleted = data === null;
    this.#versions.set(key, [
      ...versions,
      { seq: syncVersion, collection, localId, syncVersion, hash, deleted, deviceId, createdBy, updatedAt, data },
    ]);
  }

  deleted(collection: string): DeletedRecord[] {
    const latest = [...this.#versions.values()].flatMap((versions) => versions.at(-1) ?? []);
    return latest
      .filter((change) => change.collection === collection && change.deleted)
      .map(({ localId, deviceId, updatedAt }) => ({ localId, deviceId, deletedAt: updatedAt }));
  }

  /** @throws ReplicationError NOT_FOUND */
  page(collection: string, localId: string, before?: number): RecordHistory {
    const all = (this.#versions.get(`${collection}/${localId}`) ?? []).toReversed();
    if (all.length === 0) throw new ReplicationError("NOT_FOUND", "no such record");
    const older = all.filter(({ syncVersion }) => before === undefined || syncVersion < before);
    const versions = older.slice(0, VERSIONS_A_PAGE);
    const nextBefore = older.length > versions.length ? versions.at(-1)!.syncVersion : null;
    return { collection, localId, versions, nextBefore };
  }
}
