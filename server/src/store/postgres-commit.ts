/** Commits on PostgreSQL: one call of a function each, with what it needs as text. */
import { SERVER_DEVICE_ID } from "@tillwire/protocol/conflicts";
import { formatDigest } from "@tillwire/protocol/digest";
import type { Sql } from "postgres";
import type { AsSent, CommitResult, DigestMap, PlannedRow, PlannedWrite, RefusalReason, Stamp } from "./store.ts";

export type StoredDigests = Record<string, { count: number; digest: string }> | null;

interface CommitRow {
  epoch: string | null;
  head_before: string;
  head_after: string;
  at_ms: string;
  refused: { grp: number; why: RefusalReason }[] | null;
  digests: StoredDigests;
  stamp_before: Stamp;
}

export async function commit(
  sql: Sql,
  storeId: string,
  epoch: string,
  writes: readonly PlannedWrite[],
  stamp: Stamp,
): Promise<CommitResult> {
  const answer = await (writes.every(isNew)
    ? commitNew(sql, storeId, epoch, writes, stamp)
    : commitWrites(sql, storeId, epoch, writes, stamp));
  const row = answer[0]!;
  return {
    epoch: row.epoch ?? "",
    sameEpoch: row.epoch === epoch,
    stampBefore: row.stamp_before,
    headBefore: Number(row.head_before),
    headAfter: Number(row.head_after),
    at: Number(row.at_ms),
    refused: new Map((row.refused ?? []).map(({ grp, why }) => [grp, why])),
    digests: toDigestMap(row.digests),
  };
}

/** A record that is new to the store, stored as its sender made it: what `commit_new` takes. */
function isNew({ sender, asSent: sent, remember, rows, policyVersion }: PlannedWrite): boolean {
  const row = rows[0]!;
  return (
    rows.length === 1 &&
    remember === null &&
    policyVersion === null &&
    row.expect.version === 0 &&
    row.sentVersion === null &&
    !row.deleted &&
    !row.reoffered &&
    row.updatedAt === null &&
    sent.base === (row.base === null ? "?" : "0:") &&
    row.deviceId === sender &&
    sent.deviceId === sender &&
    sent.localId === row.localId &&
    sender !== SERVER_DEVICE_ID &&
    // They part the lists, and an empty member stands for none.
    (row.uniqueKey === null || (row.uniqueKey !== "" && !row.uniqueKey.includes("\n")))
  );
}

/** One member a write in each list: see the function. */
function commitNew(sql: Sql, storeId: string, epoch: string, writes: readonly PlannedWrite[], stamp: Stamp) {
  const list = (member: (row: PlannedRow, sent: AsSent) => string | number): string =>
    writes.map(({ rows, asSent }) => member(rows[0]!, asSent)).join("\n");
  return sql<CommitRow[]>`
    select epoch, head_before, head_after, at_ms, refused, digests, stamp_before
    from commit_new(${storeId}, ${epoch}, ${list((row) => row.collection)}, ${list((row) => row.localId)},
      ${list((row) => row.syncVersion)}, ${list((row) => row.hash)}, ${list((_, sent) => sent.base)},
      ${list((row) => row.uniqueKey ?? "")}, ${list((row) => row.createdBy)}, ${list((row) => row.deviceId)},
      ${list((row) => row.dataJson!)}, ${stamp})`;
}

function commitWrites(sql: Sql, storeId: string, epoch: string, writes: readonly PlannedWrite[], stamp: Stamp) {
  const [groups, rows] = encodePlan(writes);
  return sql<CommitRow[]>`
    select epoch, head_before, head_after, at_ms, refused, digests, stamp_before
    from commit_writes(${storeId}, ${epoch}, ${groups}::text::json, ${rows}::text::json, ${stamp})`;
}

/** The two JSON texts of `commit_writes`. Data is spliced in as the text that it already is. */
function encodePlan(writes: readonly PlannedWrite[]): [string, string] {
  const groups: string[] = [];
  const rows: string[] = [];
  writes.forEach((write, grp) => {
    const sent = write.asSent;
    const group = {
      grp,
      sender: write.sender,
      collection: sent.collection,
      local_id: sent.localId,
      device_id: sent.deviceId,
      sync_version: sent.syncVersion,
      hash: sent.hash,
      base: sent.base,
      policy_version: write.policyVersion,
      outcome: write.remember?.outcome ?? null,
      conflict: write.remember?.conflict ?? null,
    };
    groups.push(withData(group, write.remember?.dataJson ?? null));
    write.rows.forEach((row, ord) => {
      const { dataJson, expect, base, ...rest } = row;
      const planned = {
        grp,
        ord,
        collection: rest.collection,
        local_id: rest.localId,
        expect_version: expect.version,
        expect_hash: expect.hash,
        sync_version: rest.syncVersion,
        hash: rest.hash,
        sent_version: rest.sentVersion,
        sent_hash: rest.sentHash,
        base_version: base?.version ?? null,
        base_hash: base?.hash ?? null,
        unique_key: rest.uniqueKey,
        created_by: rest.createdBy,
        device_id: rest.deviceId,
        deleted: rest.deleted,
        reoffered: rest.reoffered,
        updated_at: rest.updatedAt,
      };
      rows.push(withData(planned, dataJson));
    });
  });
  return [`[${groups.join(",")}]`, `[${rows.join(",")}]`];
}

function withData(object: object, dataJson: string | null): string {
  return `${JSON.stringify(object).slice(0, -1)},"data":${dataJson ?? "null"}}`;
}

export function toDigestMap(digests: StoredDigests): DigestMap {
  return new Map(
    Object.entries(digests ?? {}).map(([collection, { count, digest }]) => [
      collection,
      { count, digest: formatDigest(BigInt(digest)) },
    ]),
  );
}
