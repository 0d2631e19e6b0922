/** The store alone, without any network: accept on PostgreSQL, and PostgreSQL by itself beside it. */
import { POOL_CONNECTIONS } from "@tillwire/server/node";
import postgres from "postgres";
import { fillPastAccept, GrownShop, type Costs } from "../growth-store.ts";
import { newWrites, openShop, submit } from "../open-shop.ts";
import { createOrderSource, writeOf } from "../orders.ts";
import { createProductSource } from "../products.ts";
import { serve } from "../program.ts";
import { openShops, type DeviceKey } from "../shops.ts";
import { clockMs } from "../stamp.ts";

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
export interface AcceptInput extends BatchInput {
  /** No further submission begins after so long. */
  readonly limitMs: number;
}
export interface FillInput {
  readonly databaseUrl: string;
  /** One device a shop. */
  readonly keys: readonly Pick<DeviceKey, "storeId" | "deviceId">[];
  readonly orders: number;
  readonly seed: number;
  readonly products?: number;
}
export interface GrowInput {
  readonly databaseUrl: string;
  readonly records: number;
}

/** Writes in one submission while shops are filled: as many as a push may bring. */
const FILL_BATCH = 500;

const pools = new Map<string, postgres.Sql>();
const grown: GrownShop[] = [];

function pool(url: string, max: number): postgres.Sql {
  const key = `${url} ${max}`;
  const known = pools.get(key) ?? postgres(url, { max, onnotice: () => undefined });
  pools.set(key, known);
  return known;
}

async function firstDevice(databaseUrl: string): Promise<DeviceKey> {
  return (await openShops(databaseUrl, 1, 1))[0]![0]!;
}

serve({
  /** One submission after the other, each of `batch` new orders. */
  async accept({ databaseUrl, batch, batches, seed, limitMs }: AcceptInput): Promise<Timed & { storeId: string }> {
    const shop = await openShop(pool(databaseUrl, POOL_CONNECTIONS), await firstDevice(databaseUrl));
    const source = createOrderSource(seed, "A");
    const submissions = Array.from({ length: batches }, () => newWrites(source, batch));
    const begin = clockMs();
    let orders = 0;
    for (const writes of submissions) {
      await submit(shop, writes);
      orders += batch;
      if (clockMs() - begin >= limitMs) break;
    }
    return { orders, ms: clockMs() - begin, storeId: shop.sender.storeId };
  },
  /** Orders, and products, into shops that are there, by way of accept. */
  async fill({ databaseUrl, keys, orders, seed, products = 0 }: FillInput): Promise<void> {
    let next = seed;
    for (const key of keys) {
      const shop = await openShop(pool(databaseUrl, POOL_CONNECTIONS), key);
      const source = createOrderSource((next += 1), `F${next}`);
      for (let left = orders; left > 0; left -= FILL_BATCH)
        await submit(shop, newWrites(source, Math.min(FILL_BATCH, left)));
      const catalogue = createProductSource(next);
      for (let left = products; left > 0; left -= FILL_BATCH)
        await submit(
          shop,
          Array.from({ length: Math.min(FILL_BATCH, left) }, () => writeOf(catalogue.next(), "products")),
        );
    }
  },
  /** A shop with so many records, beside those that were grown before. @returns its place */
  async grow({ databaseUrl, records }: GrowInput): Promise<number> {
    const sql = pool(databaseUrl, POOL_CONNECTIONS);
    const key = await firstDevice(databaseUrl);
    await fillPastAccept(sql, key.storeId, records);
    return grown.push(new GrownShop(await openShop(sql, key), sql, records)) - 1;
  },
  costs: (place: number): Promise<Costs> => grown[place]!.costs(),
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
      for (let next = waiting.pop(); next; next = waiting.pop()) {
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
