/**
 * What a team would write in a day: socket.io, one INSERT an order, io.emit to everybody, `select *` for whoever comes. No hash, no
 * versions, no conflicts, no order of commits, nothing for those who were away.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import postgres from "postgres";
import { Server } from "socket.io";
import { createOrderSource } from "../orders.ts";
import { serve } from "../program.ts";

interface Order {
  readonly id: string;
}
type Acknowledge = (answer: unknown) => void;

let sql: postgres.Sql;
const http = createServer();
const io = new Server(http, { serveClient: false, maxHttpBufferSize: 1e9 });

io.on("connection", (socket) => {
  socket.on("order", async (order: Order, acknowledge: Acknowledge) => {
    await sql`insert into orders (id, data) values (${order.id}, ${sql.json(order as never)})`;
    io.emit("order", order);
    acknowledge("ok");
  });
  socket.on("all", async (acknowledge: Acknowledge) => {
    const rows = await sql<{ data: Order }[]>`select * from orders`;
    acknowledge(rows.map(({ data }) => data));
  });
});

serve({
  heap: () => process.memoryUsage().heapUsed,
  async listen(databaseUrl: string) {
    sql = postgres(databaseUrl, { max: 10, onnotice: () => undefined });
    await sql`create table orders (id text primary key, data jsonb not null, created_at timestamptz not null default now())`;
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  },
  async clear() {
    await sql`truncate orders`;
  },
  async fill({ orders, seed }: { orders: number; seed: number }) {
    const source = createOrderSource(seed, "F");
    for (let left = orders; left > 0; left -= 1_000) {
      const batch = JSON.stringify(Array.from({ length: Math.min(1_000, left) }, () => source.next()));
      await sql`insert into orders (id, data) select d->>'id', d from json_array_elements(${batch}::text::json) d`;
    }
  },
  async count() {
    return (await sql<{ count: number }[]>`select count(*)::int as count from orders`)[0]!.count;
  },
});
