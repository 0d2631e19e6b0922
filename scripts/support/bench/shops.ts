/** Shops and enrolled devices, many at once: written into the database as enrolment would. */
import { randomBytes } from "node:crypto";
import { sha256Hex } from "@tillwire/protocol/hash";
import postgres from "postgres";

export interface DeviceKey {
  readonly token: string;
  readonly deviceId: string;
  readonly storeId: string;
}

/** @returns the devices, shop by shop */
export async function openShops(databaseUrl: string, shops: number, devicesEach: number): Promise<DeviceKey[][]> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  const run = randomBytes(4).toString("hex");
  const devices = Array.from({ length: shops }, (_, shop) =>
    Array.from({ length: devicesEach }, (_, index): DeviceKey => {
      const deviceId = `device-${run}-${shop}-${index}`;
      return { token: `token-${deviceId}`, deviceId, storeId: `shop-${run}-${shop}` };
    }),
  );
  const stores = devices.map((_, shop) => ({
    id: `shop-${run}-${shop}`,
    name: `Shop ${shop}`,
    epoch: `${run}${shop}`,
  }));
  const rows = devices.flat().map(({ token, deviceId, storeId }, index) => ({
    ...{ store_id: storeId, id: deviceId, role: "register", name: deviceId },
    ...{ register_code: `B${index.toString(36).toUpperCase()}`, token_hash: sha256Hex(token) },
  }));
  await sql`insert into stores (id, name, epoch)
    select id, name, epoch from json_to_recordset(${JSON.stringify(stores)}::text::json) as s(id text, name text, epoch text)`;
  await sql`insert into devices (store_id, id, role, name, register_code, token_hash)
    select store_id, id, role, name, register_code, token_hash from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as d(store_id text, id text, role text, name text, register_code text, token_hash text)`;
  await sql.end();
  return devices;
}

export interface StoreCheck {
  readonly head: number;
  readonly orders: number;
  /** Distinct seqs of records and history together. */
  readonly seqs: number;
  readonly digestCount: number;
}

/** What the database holds of a shop, read past the server. */
export async function checkStore(databaseUrl: string, storeId: string): Promise<StoreCheck> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [row] = await sql<StoreCheck[]>`
      select head::int as head,
        (select count(*)::int from records where store_id = ${storeId} and collection = 'orders') as orders,
        (select count(distinct seq)::int from (
          select seq from records where store_id = ${storeId} union all select seq from record_history where store_id = ${storeId}) s) as seqs,
        coalesce((select count::int from store_collections where store_id = ${storeId} and collection = 'orders'), 0) as "digestCount"
      from stores where id = ${storeId}`;
    return row!;
  } finally {
    await sql.end();
  }
}

/** @throws unless exactly these orders are there, each with a seq of its own from 1 to the head */
export async function mustHold(databaseUrl: string, storeId: string, orders: number): Promise<void> {
  const found = await checkStore(databaseUrl, storeId);
  const { head, seqs, digestCount } = found;
  if (found.orders !== orders || digestCount !== orders || head !== seqs)
    throw new Error(`the database should hold ${orders} orders, gapless; it holds ${JSON.stringify(found)}`);
}

/** @throws unless these shops hold exactly so many orders together, each shop gapless from 1 to its head */
export async function mustHoldTogether(
  databaseUrl: string,
  storeIds: readonly string[],
  orders: number,
): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const ids = [...storeIds];
    const [found] = await sql<{ orders: number; heads: number; seqs: number }[]>`
      select (select count(*)::int from records where store_id = any(${ids}) and collection = 'orders') as orders,
        (select sum(head)::int from stores where id = any(${ids})) as heads,
        (select count(*)::int from (
          select store_id, seq from records where store_id = any(${ids})
          union select store_id, seq from record_history where store_id = any(${ids})) s) as seqs`;
    if (found!.orders !== orders || found!.heads !== found!.seqs)
      throw new Error(`the shops should hold ${orders} orders, gapless; they hold ${JSON.stringify(found)}`);
  } finally {
    await sql.end();
  }
}
