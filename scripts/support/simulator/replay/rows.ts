/** All rows of both databases, by what they are of, for the comparison at the end of a replay. */
import type { MemoryDatabase, MemoryRow, MemoryShop } from "@tillwire/server/store/memory-database";
import type postgres from "postgres";
import { plain } from "./comparable.ts";

type Rows = Map<string, unknown>;

export function rowsInMemory(database: MemoryDatabase): Rows {
  const rows: Rows = new Map();
  for (const shop of database.shops.values()) addShop(rows, shop);
  return rows;
}

function addShop(rows: Rows, shop: MemoryShop): void {
  const { storeId, name, head, epoch, epochSeq, reoffer, policyVersion, registerCodes } = shop;
  rows.set(`store ${storeId}`, plain({ name, head, epoch, epochSeq, reoffer, policyVersion, registerCodes }));
  for (const [collection, { count, sum, policy }] of shop.collections)
    rows.set(`collection ${storeId} ${collection}`, plain({ count, digest: String(sum), policy }));
  for (const [key, row] of shop.records) rows.set(`record ${storeId} ${key}`, stored(row));
  for (const [key, history] of shop.history)
    for (const row of history) rows.set(`history ${storeId} ${key} ${row.syncVersion}`, stored(row));
  for (const [key, decided] of shop.decided)
    for (const [asSent, { outcome, conflict, dataJson }] of decided)
      rows.set(`decided ${storeId} ${key} ${asSent}`, plain({ outcome, conflict, data: parsed(dataJson) }));
  for (const { deviceId, statusJson, appJson, createdAt: _, syncAnswer, ...device } of shop.devices.values())
    rows.set(
      `device ${storeId} ${deviceId}`,
      plain({
        ...{ ...device, status: parsed(statusJson), app: parsed(appJson) },
        ...{ answerFrom: syncAnswer?.from ?? null, answerTo: syncAnswer?.to ?? null },
      }),
    );
}

function stored({ collection: _, localId: __, dataJson, ...version }: MemoryRow): unknown {
  return plain({ ...version, data: parsed(dataJson) });
}

function parsed(json: string | null): unknown {
  return json === null ? null : (JSON.parse(json) as unknown);
}

const RECORD = `store_id || ' ' || collection || '/' || local_id`;
const STORED = `
  json_build_object('seq', seq, 'syncVersion', sync_version, 'hash', server_hash, 'sentVersion', sent_version, 'sentHash', sent_hash,
    'base', case when base_version is not null then json_build_object('version', base_version, 'hash', base_hash) end,
    'uniqueKey', unique_key, 'createdBy', created_by, 'deviceId', device_id, 'deleted', deleted, 'reoffered', reoffered,
    'updatedAt', (extract(epoch from updated_at) * 1000)::bigint, 'data', data, 'stamp', stamp)`;
const ALL_ROWS = `
  select 'store ' || id as key, json_build_object('name', name, 'head', head, 'epoch', epoch, 'epochSeq', epoch_seq, 'reoffer', reoffer,
    'policyVersion', policy_version, 'registerCodes', register_codes) as row from stores
  union all select 'collection ' || store_id || ' ' || collection,
    json_build_object('count', count, 'digest', digest::text, 'policy', policy) from store_collections
  union all select 'record ' || ${RECORD}, ${STORED} from records
  union all select 'history ' || ${RECORD} || ' ' || sync_version, ${STORED} from record_history
  union all select 'decided ' || ${RECORD} || ' ' || device_id || '|' || sync_version || '|' || hash || '|' || base,
    json_build_object('outcome', outcome, 'conflict', conflict, 'data', data) from decided_writes
  union all select 'device ' || store_id || ' ' || id, json_build_object('role', role, 'name', name, 'registerCode', register_code,
    'tokenHash', token_hash, 'cursor', cursor, 'status', coalesce(status, '{}'), 'app', app,
    'lastSeenAt', (extract(epoch from last_seen_at) * 1000)::bigint, 'revokedAt', (extract(epoch from revoked_at) * 1000)::bigint,
    'mark', mark, 'markBefore', mark_before, 'copiedAt', (extract(epoch from copied_at) * 1000)::bigint,
    'syncTimestamp', sync_timestamp, 'answerFrom', sync_answer_from, 'answerTo', sync_answer_to) from devices`;

export async function rowsInPostgres(sql: postgres.Sql): Promise<Rows> {
  const rows = await sql.unsafe<{ key: string; row: unknown }[]>(ALL_ROWS);
  return new Map(rows.map(({ key, row }) => [key, plain(row)]));
}
