/** Shops of different sizes, each in a database of its own, and what a write and a page of the feed cost in each of them. */
import { hashOf } from "@tillwire/protocol/hash";
import type { Write } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import type postgres from "postgres";
import { newWrites, submit, type OpenShop } from "./open-shop.ts";
import { createOrderSource, writeOf, type OrderSource } from "./orders.ts";
import { clockMs } from "./stamp.ts";
import { usageOf } from "./usage.ts";

export const KINDS = ["single", "batched", "edit", "page"] as const;
export type GrowthKind = (typeof KINDS)[number];

/** Of one order, or one page. */
export interface Cost {
  /** Each time that it was done. */
  readonly wallUs: readonly number[];
  /** Mean of this process and of the database's backends. */
  readonly cpuUs: number;
}
export type Costs = Readonly<Record<GrowthKind, Cost>>;

/** So often in a round; few, so that a small shop stays small. */
const TIMES: Readonly<Record<GrowthKind, number>> = { single: 60, batched: 3, edit: 60, page: 60 };
const BATCH = 100;

export class GrownShop {
  readonly #shop: OpenShop;
  readonly #sql: postgres.Sql;
  readonly #source: OrderSource;

  constructor(shop: OpenShop, sql: postgres.Sql, seed: number) {
    this.#shop = shop;
    this.#sql = sql;
    this.#source = createOrderSource(seed, `G${seed}`);
  }

  async costs(): Promise<Costs> {
    return {
      single: await this.#cost(
        "single",
        () => newWrites(this.#source, 1),
        (writes) => submit(this.#shop, writes),
      ),
      batched: await this.#cost(
        "batched",
        () => newWrites(this.#source, BATCH),
        (writes) => submit(this.#shop, writes),
      ),
      edit: await this.#edits(),
      page: await this.#pages(),
    };
  }

  async #edits(): Promise<Cost> {
    let last: Write = writeOf(this.#source.next());
    await submit(this.#shop, [last]);
    return this.#cost(
      "edit",
      () => [(last = nextVersion(last))],
      (writes) => submit(this.#shop, writes),
    );
  }

  /** The last changes before the head. */
  async #pages(): Promise<Cost> {
    const { store, sender } = this.#shop;
    const { storeId } = sender;
    const { head } = (await store.readHead(storeId))!;
    const query = { storeId, from: head - BATCH, collections: null, maxChanges: 500, maxBytes: 262_144 };
    return this.#cost(
      "page",
      () => null,
      async () => {
        const { changes, to } = await store.readFeed(query);
        if (to !== head || changes.length === 0) throw new Error("the page is not the last one");
      },
    );
  }

  async #cost<T>(kind: GrowthKind, prepare: () => T, run: (input: T) => Promise<void>): Promise<Cost> {
    const share = kind === "batched" ? BATCH : 1;
    const inputs = Array.from({ length: TIMES[kind] }, prepare);
    const before = await this.#cpuMs();
    const wallUs: number[] = [];
    for (const input of inputs) {
      const begin = clockMs();
      await run(input);
      wallUs.push(((clockMs() - begin) * 1_000) / share);
    }
    return { wallUs, cpuUs: (((await this.#cpuMs()) - before) * 1_000) / (inputs.length * share) };
  }

  async #cpuMs(): Promise<number> {
    const { user, system } = process.cpuUsage();
    const backends = await this.#sql<{ pid: number }[]>`
      select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'`;
    return backends.reduce((sum, { pid }) => sum + usageOf(pid).cpuMs, (user + system) / 1_000);
  }
}

function nextVersion(write: Write): Write {
  const { syncVersion, hash } = write;
  const data = { ...(write.data as Order), notes: `edit ${syncVersion}` };
  return { ...write, syncVersion: syncVersion + 1, base: { version: syncVersion, hash }, hash: hashOf(data), data };
}

/** `size` records in an empty shop, as accept would leave them, made by PostgreSQL itself: a million in a minute. */
export async function fillPastAccept(sql: postgres.Sql, storeId: string, size: number): Promise<void> {
  const order = JSON.stringify(createOrderSource(size, "X").next());
  await sql.begin(async (tx) => {
    await tx`
      insert into records (store_id, collection, local_id, seq, sync_version, server_hash, base_version, unique_key, created_by, device_id,
        deleted, data, created_at, updated_at)
      select ${storeId}, 'orders', 'grown-' || n, n, 1, encode(sha256(convert_to(n::text, 'UTF8')), 'hex'), 0, 'GROWN-' || n, 'd', 'd',
        false, ${order}::text::jsonb || jsonb_build_object('id', 'grown-' || n, 'orderNumber', 'GROWN-' || n), now(), now()
      from generate_series(1, ${size}::int) n`;
    await tx`
      insert into store_collections (store_id, collection, count, digest)
      select ${storeId}, 'orders', count(*), mod(sum(record_digest(local_id, sync_version, server_hash, deleted)), 18446744073709551616)
      from records where store_id = ${storeId}
      on conflict (store_id, collection) do update set count = excluded.count, digest = excluded.digest`;
    await tx`update stores set head = ${size} where id = ${storeId}`;
  });
  // a shop that took years to grow has been vacuumed
  await sql`vacuum analyze records`;
  await sql`checkpoint`.catch(() => undefined);
}
