/** A shop as the database holds it, read past the server, in the shape that the simulator's checks look at. */
import type { Outcome } from "@tillwire/protocol/messages";
import { MemoryShop, recordKeyOf, type MemoryRow } from "@tillwire/server/store/memory-database";
import type { Sql, TransactionSql } from "postgres";

interface RecordRow {
  readonly collection: string;
  readonly local_id: string;
  readonly seq: string;
  readonly sync_version: number;
  readonly server_hash: string;
  readonly sent_version: number | null;
  readonly sent_hash: string | null;
  readonly base_version: number | null;
  readonly base_hash: string | null;
  readonly unique_key: string | null;
  readonly created_by: string;
  readonly device_id: string;
  readonly deleted: boolean;
  readonly reoffered: boolean;
  readonly json: string | null;
  readonly updated_at: Date;
  readonly stamp: string | null;
}

interface DecidedRow {
  readonly collection: string;
  readonly local_id: string;
  readonly device_id: string;
  readonly sync_version: number;
  readonly hash: string;
  readonly base: string;
  readonly outcome: Outcome;
  readonly json: string | null;
}

/** @param name ends in the shop's index, as the checks know it */
export async function readShop(sql: Sql, storeId: string, name: string): Promise<MemoryShop> {
  let shop!: MemoryShop;
  await sql.begin("isolation level repeatable read read only", async (tx) => {
    shop = await read(tx, storeId, name);
  });
  return shop;
}

async function read(tx: TransactionSql, storeId: string, name: string): Promise<MemoryShop> {
  const [store] = await tx<{ head: string; epoch: string }[]>`select head, epoch from stores where id = ${storeId}`;
  const shop = new MemoryShop(storeId, name, store!.epoch);
  shop.head = Number(store!.head);
  const columns = tx`collection, local_id, seq, sync_version, server_hash, sent_version, sent_hash, base_version, base_hash,
    unique_key, created_by, device_id, deleted, reoffered, data::text as json, updated_at, stamp`;
  const records = await tx<RecordRow[]>`select ${columns} from records where store_id = ${storeId} order by seq`;
  for (const row of records) shop.records.set(recordKeyOf(row.collection, row.local_id), rowOf(row));
  const history = await tx<RecordRow[]>`select ${columns} from record_history where store_id = ${storeId} order by seq`;
  for (const row of history) {
    const key = recordKeyOf(row.collection, row.local_id);
    shop.history.set(key, [...(shop.history.get(key) ?? []), rowOf(row)]);
  }
  const decided = await tx<DecidedRow[]>`
    select collection, local_id, device_id, sync_version, hash, base, outcome, data::text as json
    from decided_writes where store_id = ${storeId}`;
  for (const { collection, local_id, device_id, sync_version, hash, base, outcome, json } of decided)
    shop.remember(collection, local_id, `${device_id}|${sync_version}|${hash}|${base}`, {
      ...{ outcome, conflict: null, dataJson: json, syncVersion: sync_version, hash },
    });
  const sums = await tx<{ collection: string; count: string; digest: string }[]>`
    select collection, count, digest::text from store_collections where store_id = ${storeId}`;
  for (const { collection, count, digest } of sums)
    shop.collections.set(collection, { count: Number(count), sum: BigInt(digest), policy: null });
  return shop;
}

function rowOf(row: RecordRow): MemoryRow {
  return {
    ...{ collection: row.collection, localId: row.local_id, seq: Number(row.seq) },
    ...{ syncVersion: row.sync_version, hash: row.server_hash, sentVersion: row.sent_version, sentHash: row.sent_hash },
    base: row.base_version === null ? null : { version: row.base_version, hash: row.base_hash },
    ...{ uniqueKey: row.unique_key, createdBy: row.created_by, deviceId: row.device_id, deleted: row.deleted },
    ...{ reoffered: row.reoffered, updatedAt: row.updated_at.getTime(), dataJson: row.json, stamp: row.stamp },
  };
}
