/** The replication store on PostgreSQL 15 or newer. One statement a call; what a write does happens in functions: postgres-commit.ts. */
import type { Sql } from "postgres";
import { amendmentPrefix } from "../amend-number.ts";
import { createPageSize, type PageSize } from "./page-size.ts";
import { commit, toDigestMap, type StoredDigests } from "./postgres-commit.ts";
import { CONTEXTS_SQL, FEED_SQL } from "./postgres-queries.ts";
import {
  StoreDataError,
  StoreUnavailable,
  type ContextQuery,
  type FeedPage,
  type FeedQuery,
  type Place,
  type RecordContext,
  type ReplicationStore,
  type Stamp,
  type StoreHead,
} from "./store.ts";

export function createPostgresStore(sql: Sql): ReplicationStore {
  const pageSize = createPageSize();
  return {
    commit: (storeId, epoch, writes, stamp) => guarded(() => commit(sql, storeId, epoch, writes, stamp ?? null)),
    readContexts: (storeId, queries, maxBytes) => guarded(() => readContexts(sql, storeId, queries, maxBytes)),
    readFeed: (query) => guarded(() => readFeed(sql, query, pageSize)),
    readHeads: (storeIds) => guarded(() => readHeads(sql, storeIds)),
    readPlace: (storeId, seq) => guarded(() => readPlace(sql, storeId, seq)),
    readHead: (storeId) => guarded(async () => (await readHeads(sql, [storeId]))[0] ?? null),
    beginEpoch: (storeId, expected, epoch, reoffer, reason = "DATABASE_RESTORED") =>
      guarded(async () => {
        const rows = await sql<
          { epoch: string }[]
        >`select begin_epoch(${storeId}, ${expected}, ${epoch}, ${reoffer}, ${reason}) as epoch`;
        return rows[0]!.epoch;
      }),
    wantsReoffers: (storeId, epoch) =>
      guarded(async () => {
        const rows = await sql<{ reoffer: boolean }[]>`
          select reoffer or epoch <> ${epoch} as reoffer from stores where id = ${storeId}`;
        return rows[0]?.reoffer ?? false;
      }),
  };
}

/** Tells refused data (never worth a retry) from a database that is away. SQLSTATE classes: PostgreSQL manual, appendix A. */
async function guarded<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    const state = (error as { code?: unknown }).code;
    // 22 data exception, 23 integrity constraint, 54 program limit; 40 (rollback), 53, 57, 08 and socket errors pass.
    if (typeof state === "string" && /^(22|23|54)[0-9A-Z]{3}$/.test(state)) throw new StoreDataError(state);
    throw new StoreUnavailable(error);
  }
}

async function readContexts(
  sql: Sql,
  storeId: string,
  queries: readonly ContextQuery[],
  maxBytes = Number.MAX_SAFE_INTEGER,
): Promise<RecordContext[]> {
  const asked = queries.map(({ asSent, base, namedHash, number, resolves, openConflictKey }, idx) => ({
    idx,
    collection: asSent.collection,
    local_id: asSent.localId,
    device_id: asSent.deviceId,
    sync_version: asSent.syncVersion,
    hash: asSent.hash,
    base: asSent.base,
    base_version: base?.version ?? null,
    base_hash: base?.hash ?? null,
    named_hash: namedHash,
    number,
    amendment_prefix: number === null ? null : amendmentPrefix(number),
    resolves,
    open_conflict_key: openConflictKey,
  }));
  const rows = await sql.unsafe<{ idx: number; context: RecordContext }[]>(
    CONTEXTS_SQL,
    [storeId, JSON.stringify(asked), maxBytes],
    { prepare: true },
  );
  const contexts = new Array<RecordContext>(rows.length);
  for (const row of rows) contexts[row.idx] = row.context;
  return contexts;
}

interface FeedRow {
  epoch: string;
  head: string;
  digests: StoredDigests;
  lines: string | null;
  from_stamp: Stamp;
  stamp: Stamp;
  fetched: number;
  kept: number;
}

async function readFeed(sql: Sql, query: FeedQuery, pageSize: PageSize): Promise<FeedPage> {
  const limit = pageSize.changesFor(query);
  const parameters = [query.storeId, query.from, query.collections as string[] | null, limit, query.maxBytes];
  const rows = await sql.unsafe<FeedRow[]>(FEED_SQL, parameters as never[], { prepare: true });
  const row = rows[0];
  if (!row) throw new Error(`no store ${query.storeId}`);
  const changes = (row.lines === null ? [] : row.lines.split("\n")).map((line) => {
    const afterSeq = line.indexOf(" ");
    const afterCollection = line.indexOf(" ", afterSeq + 1);
    const afterStamp = line.indexOf(" ", afterCollection + 1);
    return {
      seq: Number(line.slice(0, afterSeq)),
      collection: line.slice(afterSeq + 1, afterCollection),
      stamp: line.slice(afterCollection + 1, afterStamp) || null,
      json: line.slice(afterStamp + 1),
    };
  });
  const head = Number(row.head);
  pageSize.learn(row.kept, row.lines?.length ?? 0);
  const more = row.fetched === limit || row.kept < row.fetched;
  const last = more ? changes.at(-1)! : { seq: Math.max(head, query.from), stamp: row.stamp };
  const { seq: to, stamp } = last;
  const { epoch, from_stamp: fromStamp } = row;
  return { epoch, from: query.from, fromStamp, to, stamp, head, changes, digests: toDigestMap(row.digests) };
}

async function readHeads(sql: Sql, storeIds: readonly string[]): Promise<StoreHead[]> {
  const rows = await sql<
    { id: string; head: string; epoch: string; stamp: Stamp }[]
  >`select id, head, epoch, stamp from stores where id = any(${storeIds as string[]})`;
  return rows.map((row) => ({ storeId: row.id, head: Number(row.head), epoch: row.epoch, stamp: row.stamp }));
}

async function readPlace(sql: Sql, storeId: string, seq: number): Promise<Place | null> {
  const rows = await sql<{ head: string; epoch: string; stamp: Stamp; stampAt: Stamp }[]>`
    select s.head, s.epoch, s.stamp, stamp_at(${storeId}, ${seq}) as "stampAt"
    from stores s where s.id = ${storeId}`;
  const row = rows[0];
  return row ? { ...row, storeId, head: Number(row.head) } : null;
}
