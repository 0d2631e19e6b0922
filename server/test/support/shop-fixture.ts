/** A shop on a test database with the real accept, and short ways to make writes for it. */
import { hashOf, TOMBSTONE_HASH } from "@tillwire/protocol/hash";
import type { Base, Result, Role, Write } from "@tillwire/protocol/messages";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { Order } from "@tillwire/protocol/pos/orders";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import type { Sql } from "postgres";
import type { CollectionSet } from "@tillwire/protocol/collection";
import { createAccept, type Accept, type AcceptOptions, type Committed, type SeedHints } from "../../src/accept.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import type { ReplicationStore } from "../../src/store/store.ts";

export const EPOCH = "epoch-1";

export interface Shop {
  readonly storeId: string;
  readonly store: ReplicationStore;
  readonly accept: Accept;
  readonly committed: Committed[];
  push(deviceId: string, ...writes: unknown[]): Promise<Result[]>;
  pushSeed(deviceId: string, write: unknown, seed: Partial<SeedHints>): Promise<Result & { filedUnder?: string }>;
  enrol(deviceId: string, role?: Role): Promise<void>;
}

let shops = 0;

interface ShopOptions extends Partial<Pick<AcceptOptions, "onCommitted" | "observer">> {
  /** Of a shop that is there: another node for it. */
  readonly storeId?: string;
  readonly store?: ReplicationStore;
  readonly collections?: CollectionSet;
}

export async function openShop(sql: Sql, options: ShopOptions = {}): Promise<Shop> {
  const storeId = options.storeId ?? `shop-${(shops += 1)}`;
  const roles = new Map<string, Role>();
  const committed: Committed[] = [];
  const store = options.store ?? createPostgresStore(sql);
  const accept = createAccept({
    store,
    collections: options.collections ?? SHOP_COLLECTIONS,
    onCommitted: options.onCommitted ?? ((each) => committed.push(each)),
    now: Date.now,
    ...(options.observer && { observer: options.observer }),
  });
  await sql`insert into stores (id, name, epoch) values (${storeId}, ${storeId}, ${EPOCH}) on conflict do nothing`;
  const shop: Shop = {
    storeId,
    store,
    accept,
    committed,
    async enrol(deviceId, role = "register") {
      roles.set(deviceId, role);
      await sql`insert into devices (store_id, id, role, name, register_code, token_hash)
        values (${storeId}, ${deviceId}, ${role}, ${deviceId}, ${deviceId}, ${`${storeId}/${deviceId}`}) on conflict do nothing`;
    },
    async push(deviceId, ...writes) {
      const sender = { storeId, deviceId, role: roles.get(deviceId) ?? "register" };
      const { results } = await accept.submit(
        sender,
        EPOCH,
        writes.map((write) => ({ write })),
      );
      return results;
    },
    async pushSeed(deviceId, write, seed) {
      const hints = { baseHash: null, createdAt: null, createdBy: deviceId, ...seed };
      const { results, filedUnder } = await accept.submit({ storeId, deviceId, role: "script" }, EPOCH, [
        { write, seed: hints },
      ]);
      return { ...results[0]!, filedUnder: filedUnder.get(0) };
    },
  };
  for (const deviceId of ["a", "b", "c"]) await shop.enrol(deviceId);
  return shop;
}

export const NEW: Base = { version: 0, hash: null };

export function put(
  collection: string,
  localId: string,
  data: object,
  syncVersion = 1,
  base: Base | null = NEW,
): Write {
  return { collection, localId, op: "put", syncVersion, base, hash: hashOf(data), data };
}
export function remove(collection: string, localId: string, syncVersion: number, base: Base | null): Write {
  return { collection, localId, op: "delete", syncVersion, base, hash: TOMBSTONE_HASH, data: null };
}
/** The base that names what a result says is stored. */
export function at(result: Result): Base {
  return { version: result.syncVersion!, hash: result.hash! };
}

export function order(id: string, changes: Partial<Order> = {}): Order {
  return {
    id,
    orderNumber: `N-${id}`,
    items: [
      {
        id: `${id}-1`,
        product: { id: "flat-white", name: "Flat White", price: 4.2, taxRate: 0.08 },
        quantity: 1,
        modifiers: [],
      },
    ],
    subtotal: 4.2,
    tax: 0.34,
    total: 4.54,
    paymentMethod: "CASH",
    paymentStatus: "PENDING",
    orderStatus: "PENDING",
    createdAt: 1_735_689_600_000,
    ...changes,
  };
}
export function transaction(id: string, changes: Partial<Transaction> = {}): Transaction {
  return {
    id,
    referenceNumber: `T-${id}`,
    type: "SALE",
    amount: 4.54,
    paymentMethod: "CASH",
    status: "COMPLETED",
    userId: "u1",
    userName: "Sam",
    createdAt: 1_735_689_600_000,
    ...changes,
  };
}

/** A store whose first commit takes effect, and is not told. */
export function losingFirstAnswer(store: ReplicationStore): ReplicationStore {
  let lose = true;
  return {
    ...store,
    commit: async (...args) => {
      const committed = await store.commit(...args);
      if (!lose) return committed;
      lose = false;
      throw new Error("the connection is gone");
    },
  };
}

/** What must hold of a store after anything (S3, S12's server side): throws with what does not. */
export async function checkStore(sql: Sql, storeId: string): Promise<void> {
  const [counts] = await sql<{ head: string; seqs: string; distinct_seqs: string; lowest: string; highest: string }[]>`
    with seqs as (
      select seq from records where store_id = ${storeId} union all select seq from record_history where store_id = ${storeId}
    )
    select (select head from stores where id = ${storeId}) as head, count(*) as seqs, count(distinct seq) as distinct_seqs,
      coalesce(min(seq), 1) as lowest, coalesce(max(seq), 0) as highest from seqs`;
  const { head, seqs, distinct_seqs, lowest, highest } = counts!;
  if (seqs !== head || distinct_seqs !== head || highest !== head || Number(lowest) !== 1)
    throw new Error(`seqs are not 1..head: ${JSON.stringify(counts)}`);
  const wrong = await sql`
    select c.collection from store_collections c
    left join lateral (
      select count(*) as count, coalesce(mod(sum(record_digest(r.local_id, r.sync_version, r.server_hash, r.deleted)), 18446744073709551616), 0) as digest
      from records r where r.store_id = c.store_id and r.collection = c.collection
    ) r on true
    where c.store_id = ${storeId} and (c.count <> r.count or c.digest <> r.digest)`;
  if (wrong.length > 0) throw new Error(`digests are wrong: ${JSON.stringify(wrong)}`);
}
