/** The open conflicts of the fake server: MANUAL, ID_TAKEN and the writes that settle, as PROTOCOL.md describes them. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { fieldDifferences } from "@tillwire/protocol/differences";
import { hashOf, TOMBSTONE_HASH } from "@tillwire/protocol/hash";
import type { Change, ConflictKind, Result, Write } from "@tillwire/protocol/messages";

/** What the conflicts need of their server. */
export interface ConflictHost {
  now(): number;
  record(collection: string, localId: string): Change | undefined;
  records(): Iterable<Change>;
  put(deviceId: string, write: Write): Change;
}

export class FakeConflicts {
  #count = 0;

  constructor(private readonly host: ConflictHost) {}

  /** A clash: settled for the server's value, or left open for a person. */
  clash(deviceId: string, write: Write, current: Change, policy: "SERVER_WINS" | "MANUAL"): Result {
    const taken = write.base?.version === 0 && !current.deleted;
    const open = policy === "MANUAL" || taken;
    const waiting = open ? this.#openOf(deviceId, write) : undefined;
    const { now } = this.#times();
    const client = { ...sideOf(write), deviceId, at: now };
    const data: ConflictData = {
      ...{ id: waiting?.id ?? `c-${++this.#count}-${deviceId}`, collection: write.collection, recordId: write.localId },
      kind: waiting?.kind ?? kindOf(write, current, taken),
      policy: open ? "MANUAL" : "SERVER_WINS",
      status: open ? "open" : "settled",
      ...{ base: write.base, client, server: serverSide(current) },
      fields: fieldDifferences(write.data, current.data, open ? "OPEN" : "SERVER"),
      createdAt: waiting?.createdAt ?? now,
      ...(open
        ? { settledAt: null, settledBy: null, settlement: null }
        : { settledAt: now, settledBy: "server", settlement: "SERVER" as const }),
      ...(waiting?.attempts ? { attempts: waiting.attempts } : {}),
    };
    this.#store(data);
    return lost(write, current, data);
  }

  /** Null: the write is to be decided as if it named no conflict. */
  settle(deviceId: string, write: Write, current: Change | undefined, take: () => Change): Result | null {
    const data = this.host.record("conflicts", write.resolves ?? "")?.data as ConflictData | undefined;
    if (!data) return null;
    const besides = data.recordId !== write.localId;
    if (data.collection !== write.collection || (besides && write.base?.version !== 0))
      return refused(write, "the conflict is another record's");
    const equal = current?.hash === write.hash;
    if (equal && data.status === "settled") return won(write, current, "duplicate");
    const onCurrent = write.base?.version === current?.syncVersion && write.base?.hash === current?.hash;
    if (data.status === "settled" || (current && !onCurrent && !equal)) {
      const attempt = { ...sideOf(write), deviceId, at: this.#times().now };
      const attempts = [...(data.attempts ?? []), attempt].slice(-3);
      const now =
        data.status === "settled" || !current || besides
          ? data
          : {
              ...data,
              server: serverSide(current),
              fields: fieldDifferences(data.client.data, current.data, "OPEN"),
            };
      this.#store({ ...now, attempts });
      return lost(write, current, now);
    }
    const change = equal ? current : take();
    const settlement = besides
      ? "BOTH"
      : equal
        ? "SERVER"
        : write.hash === data.client.hash
          ? "CLIENT"
          : ("MERGED" as const);
    const settled: ConflictData = {
      ...data,
      ...{ status: "settled", settlement, settledBy: deviceId, settledAt: this.#times().now },
      ...(besides ? { keptAs: write.localId } : {}),
      fields: data.fields.map((field) => ({ ...field, resolution: settlement === "CLIENT" ? "CLIENT" : "SERVER" })),
    };
    this.#store(settled);
    return won(write, change, equal ? "duplicate" : "accepted");
  }

  #times() {
    return { now: this.host.now() };
  }

  #openOf(deviceId: string, write: Write): ConflictData | undefined {
    for (const { collection, data } of this.host.records()) {
      const conflict = data as ConflictData;
      if (collection !== "conflicts" || conflict.status !== "open") continue;
      if (conflict.collection !== write.collection || conflict.recordId !== write.localId) continue;
      if (conflict.client.deviceId === deviceId) return conflict;
    }
    return undefined;
  }

  #store(data: ConflictData): void {
    const before = this.host.record("conflicts", data.id);
    const { id: localId } = data;
    const syncVersion = (before?.syncVersion ?? 0) + 1;
    const write = { collection: "conflicts", localId, op: "put" as const, base: null };
    this.host.put("server", { ...write, syncVersion, hash: hashOf(data), data });
  }
}

function kindOf(write: Write, current: Change, taken: boolean): ConflictKind {
  if (taken) return "ID_TAKEN";
  if (current.deleted) return "DELETED_ITEM";
  if (write.syncVersion < current.syncVersion) return "VERSION_MISMATCH";
  return write.syncVersion === current.syncVersion ? "HASH_MISMATCH" : "CONCURRENT_MODIFICATION";
}

function sideOf({ syncVersion, hash, op, data }: Write) {
  return { syncVersion, hash, deleted: op === "delete", data: op === "delete" ? null : data };
}

function serverSide({ syncVersion, hash, deleted, deviceId, updatedAt: at, data }: Change): ConflictData["server"] {
  return { syncVersion, hash: deleted ? TOMBSTONE_HASH : hash, deleted, deviceId, at, data };
}

function valueOf({ collection, localId, seq, syncVersion, hash, deleted, updatedAt }: Change): Omit<Result, "outcome"> {
  return { collection, localId, seq, syncVersion, hash, deleted, updatedAt };
}

function won(write: Write, change: Change, outcome: "accepted" | "duplicate"): Result {
  return { ...valueOf(change), outcome, ...(change.hash === write.hash ? {} : { data: change.data }) };
}

function lost(write: Write, current: Change | undefined, { id, kind, policy, fields }: ConflictData): Result {
  const { collection, localId } = write;
  const value = current ? { ...valueOf(current), data: current.data } : { collection, localId };
  return { ...value, outcome: "conflict", conflict: { id, kind, policy, fields } };
}

function refused({ collection, localId }: Write, message: string): Result {
  return { collection, localId, outcome: "rejected", code: "WRITE_MALFORMED", message };
}
