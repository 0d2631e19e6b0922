/** The conflicts that wait for a decision. Pure. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { ConflictData } from "@tillwire/protocol/conflicts";

type Conflict = ReplicaRecord<ConflictData>;

export function openOnes(conflicts: readonly Conflict[]): Conflict[] {
  return conflicts.filter(({ data }) => data.status === "open");
}

/** localIds of open conflicts by the record that they are about, as `collection/localId`. */
export function byRecord(open: readonly Conflict[]): ReadonlyMap<string, string> {
  return new Map(open.map(({ localId, data }) => [`${data.collection}/${data.recordId}`, localId]));
}

/** What this device lost since the list was last looked at, settled against it or left open; the first of them. */
export function newlyLost(before: readonly Conflict[], now: readonly Conflict[], ownId: string): ConflictData | null {
  const known = new Set(before.map(({ localId }) => localId));
  const lost = now.find(
    ({ localId, data }) =>
      !known.has(localId) && data.client.deviceId === ownId && (data.status === "open" || data.settlement === "SERVER"),
  );
  return lost?.data ?? null;
}
