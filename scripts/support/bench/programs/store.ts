/** The store alone, without any network: accept on PostgreSQL, and PostgreSQL by itself beside it. */
import { hashOf } from "@tillwire/protocol/hash";
import type { Write } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { createAccept, type Accept, type Sender } from "@tillwire/server/accept";
import { POOL_CONNECTIONS } from "@tillwire/server/node";
import { createPostgresStore } from "@tillwire/server/store/postgres-store";
import type { ReplicationStore } from "@tillwire/server/store/store";
import postgres from "postgres";
import { createOrderSource, writeOf, type OrderSource } from "../orders.ts";
import { serve } from "../program.ts";
import { openShops, type DeviceKey } from "../shops.ts";
import { clockMs } from "../stamp.ts";
import { median } from "../statistics.ts";

export interface Timed {
  readonly orders: number;
  readonly ms: number;
}
export interface BatchInput {
  readonly databaseUrl: string;
  readonly batch: number;
  readonly batches: number;
  readonly seed: number;
}

export interface FillInput {
  readonly databaseUrl: string;
  /** One device a shop. */
  readonly keys: readonly Omit<DeviceKey, "token">[];
  readonly orders: number;
  readonly seed: number;
}
export interface GrowInput {
  readonly databaseUrl: string;
  readonly sizes: readonly number[];
}
/** At one size of the shop: medians. */
export interface Grown {
  readonly records: number;
  readonly singleMs: number;
  /** An order in commits of 100. */
  readonly batchedMs: number;
  readonly editMs: number;
  /** A page of the last 100 changes. */
  readonly pageMs: number;
}

const quiet = { onnotice: () => undefined };
const pools = new Map<string, postgres.Sql>();

function pool(url: string, max: number): postgres.Sql {
  const key = `${url} ${max}`;
  const known = pools.get(key) ?? postgres(url, { max, ...quiet });
  pools.set(key, known);
  return known;
}

interface OpenShop {
  readonly sender: Sender;
  readonly epoch: string;
  readonly accept: Accept;
  readonly store: ReplicationStore;
}

async function openShop(databaseUrl: string): Promise<OpenShop> {
  const [key] = (await openShops(databaseUrl, 1, 1))[0]!;
  return open(databaseUrl, key!);
}

async function open(databaseUrl: string, { storeId, deviceId }: Omit<DeviceKey, "token">): Promise<OpenShop> {
  const store = createPostgresStore(pool(databaseUrl, POOL_CONNECTIONS));
  const accept = createAccept({ store, collections: SHOP_COLLECTIONS, onCommitted: () => undefined, now: Date.now });
  const { epoch } = (await store.readHead(storeId))!;
  return { sender: { storeId, deviceId, role: "register" as const }, epoch, accept, store };
}

async function submit({ accept, sender, epoch }: OpenShop, writes: readonly unknown[]): Promise<void> {
  const { results } = await accept.submit(
    sender,
    epoch,
    writes.map((write) => ({ write })),
  );
  if (results.some(({ outcome }) => outcome !== "accepted")) throw new Error("not all were accepted");
}

/** As they come from a link. */
function newWrites(source: OrderSource, count: number): unknown[] {
  return Array.from({ length: count }, () => JSON.parse(JSON.stringify(writeOf(source.next()))) as unknown);
}

/** One shop that gets larger: what a write and a page of the feed cost at each size. */
async function grow({ databaseUrl, sizes }: GrowInput, sql: postgres.Sql): Promise<Grown[]> {
  const shop = await openShop(databaseUrl);
  const { storeId } = shop.sender;
  const source = createOrderSource(7, "G");
  const grown: Grown[] = [];
  for (const size of sizes) {
    await fillPastAccept(sql, storeId, size);
    await sql`select count(*) from records where store_id = ${storeId}`;
    const single = await medianOf(
      150,
      () => newWrites(source, 1),
      (writes) => submit(shop, writes),
    );
    const batched = await medianOf(
      15,
      () => newWrites(source, 100),
      (writes) => submit(shop, writes),
    );
    const edited = writeOf(source.next());
    await submit(shop, [edited]);
    let last: Write = edited;
    const edit = await medianOf(
      100,
      () => [(last = nextVersion(last))],
      (writes) => submit(shop, writes),
    );
    const { head } = (await shop.store.readHead(storeId))!;
    const query = { storeId, from: head - 100, collections: null, maxChanges: 500, maxBytes: 262_144 };
    const page = await medianOf(
      100,
      () => null,
      async () => {
        const { changes, to } = await shop.store.readFeed(query);
        if (to !== head || changes.length === 0) throw new Error("the page is not the last one");
      },
    );
    grown.push({ records: size, singleMs: single, batchedMs: batched / 100, editMs: edit, pageMs: page });
  }
  return grown;
}

function nextVersion(write: Write): Write {
  const { syncVersion, hash } = write;
  const data = { ...(write.data as Order), notes: `edit ${syncVersion}` };
  return { ...write, syncVersion: syncVersion + 1, base: { version: syncVersion, hash }, hash: hashOf(data), data };
}

async function medianOf<T>(times: number, prepare: () => T, run: (input: T) => Promise<void>): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const input = prepare();
    const begin = clockMs();
    await run(input);
    taken.push(clockMs() - begin);
  }
  return median(taken);
}

/** Up to `size` records, as accept would leave them, made by PostgreSQL itself: a million in seconds. */
async function fillPastAccept(sql: postgres.Sql, storeId: string, size: number): Promise<void> {
  const order = JSON.stringify(createOrderSource(size, "X").next());
  await sql.begin(async (tx) => {
    const [row] = await tx<{ head: number }[]>`select head::int as head from stores where id = ${storeId} for update`;
    const { head } = row!;
    if (size <= head) return;
    await tx`
      insert into records (store_id, collection, local_id, seq, sync_version, server_hash, base_version, unique_key, created_by, device_id,
        deleted, data, created_at, updated_at)
      select ${storeId}, 'orders', 'grown-' || n, n, 1, encode(sha256(convert_to(n::text, 'UTF8')), 'hex'), 0, 'GROWN-' || n, 'd', 'd',
        false, ${order}::text::jsonb || jsonb_build_object('id', 'grown-' || n, 'orderNumber', 'GROWN-' || n), now(), now()
      from generate_series(${head + 1}::int, ${size}::int) n`;
    await tx`
      insert into store_collections (store_id, collection, count, digest)
      select ${storeId}, 'orders', count(*), mod(sum(record_digest(local_id, sync_version, server_hash, deleted)), 18446744073709551616)
      from records where store_id = ${storeId} and seq > ${head}
      on conflict (store_id, collection) do update set count = store_collections.count + excluded.count,
        digest = mod(store_collections.digest + excluded.digest, 18446744073709551616)`;
    await tx`update stores set head = ${size} where id = ${storeId}`;
  });
}

serve({
  /** One submission after the other, each of `batch` new orders. */
  async accept({ databaseUrl, batch, batches, seed }: BatchInput): Promise<Timed & { storeId: string }> {
    const shop = await openShop(databaseUrl);
    const source = createOrderSource(seed, "A");
    const submissions = Array.from({ length: batches }, () => newWrites(source, batch));
    const begin = clockMs();
    for (const writes of submissions) await submit(shop, writes);
    return { orders: batch * batches, ms: clockMs() - begin, storeId: shop.sender.storeId };
  },
  /** Orders into shops that are there, by way of accept. */
  async fill({ databaseUrl, keys, orders, seed }: FillInput): Promise<void> {
    let next = seed;
    for (const key of keys) {
      const shop = await open(databaseUrl, key);
      const source = createOrderSource((next += 1), `F${next}`);
      for (let left = orders; left > 0; left -= 500) await submit(shop, newWrites(source, Math.min(500, left)));
    }
  },
  grow: (input: GrowInput) => grow(input, pool(input.databaseUrl, POOL_CONNECTIONS)),
  /** Rows of id and jsonb: `batch` in one INSERT, one tx each, on so many connections at once. */
  async raw({ databaseUrl, batch, batches, seed, connections }: BatchInput & { connections: number }): Promise<Timed> {
    const sql = pool(databaseUrl, connections);
    await sql`create table if not exists raw_orders (id text primary key, data jsonb not null)`;
    await Promise.all(Array.from({ length: connections }, () => sql`select 1`));
    const source = createOrderSource(seed, "R");
    const texts = Array.from({ length: batches }, () => Array.from({ length: batch }, () => source.next()));
    const waiting = texts.map((orders) => ({
      id: orders[0]!.id,
      text: JSON.stringify(batch === 1 ? orders[0] : orders),
    }));
    const begin = clockMs();
    const one = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        if (batch === 1) await sql`insert into raw_orders values (${next.id}, ${next.text}::text::jsonb)`;
        else
          await sql`insert into raw_orders select d->>'id', d from jsonb_array_elements(${next.text}::text::jsonb) d`;
      }
    };
    await Promise.all(Array.from({ length: connections }, one));
    const ms = clockMs() - begin;
    await sql`truncate raw_orders`;
    return { orders: batch * batches, ms };
  },
});
