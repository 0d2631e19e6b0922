/** Conflicts of every kind, and a record with a history, for the preview. */
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { hashOf } from "@tillwire/protocol/hash";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import type { Order } from "@tillwire/protocol/pos/orders";
import { orderTotals } from "@tillwire/protocol/pos/totals";
import { demoOrder, SHOP } from "./demo-data.ts";
import type { FakeReplica } from "./fake-replica.ts";

const MINUTE = 60_000;

interface Case {
  id: string;
  kind: ConflictData["kind"];
  minutesAgo: number;
  client: object | null;
  server: object | null;
  by?: readonly [client: string, server: string];
  change?: Partial<ConflictData>;
}

function conflictOf(
  { id, kind, minutesAgo, client, server, by = ["d1", "d2"], change }: Case,
  now: number,
): ConflictData {
  const at = now - minutesAgo * MINUTE;
  const side = (data: object | null, deviceId: string, sideAt: number) => ({
    ...{ syncVersion: 2, hash: hashOf(data), deleted: data === null, deviceId, at: sideAt, data },
  });
  const known = (server ?? client) as { id: string };
  return {
    ...{ id, collection: "orders", recordId: known.id, kind, policy: "MANUAL", status: "open", base: null },
    client: side(client, by[0], at),
    server: side(server, by[1], at - 2 * MINUTE),
    ...{ fields: [], createdAt: at, settledAt: null, settledBy: null, settlement: null },
    ...change,
  };
}

export function fillConflicts(replica: FakeReplica, clock: () => number, products: readonly Product[]): void {
  const now = clock();
  const order = (index: number) => demoOrder(index, now, products).order;
  const withTotals = (data: Order, change: Partial<Order>): Order => {
    const items = change.items ?? data.items;
    return { ...data, ...change, ...orderTotals(items, data.discount ?? 0, SHOP.taxMode) };
  };
  const [tab, other] = [order(2), order(9)];
  const extra = order(11).items[0]!;
  const tabMine = withTotals(tab, {
    items: [
      ...tab.items.map((item, at) => (at === 0 ? { ...item, quantity: item.quantity + 1 } : item)),
      { ...extra, id: "x1" },
    ],
    customerName: "Aoife Byrne",
    notes: "Table 4, oat milk for both, pays with card at the counter",
  });
  const tabTheirs = withTotals(tab, {
    items: tab.items.slice(0, -1),
    customerName: "A. Byrne",
    tableName: "Terrace 4",
  });
  const latte = products[5]!;
  const cases: Case[] = [
    { id: "c1", kind: "CONCURRENT_MODIFICATION", minutesAgo: 4, client: tabMine, server: tabTheirs },
    {
      ...{ id: "c2", kind: "DELETED_ITEM", minutesAgo: 12, client: { ...other, notes: "To take away" }, server: null },
      by: ["d2", "d3"],
    },
    {
      ...{ id: "c3", kind: "ID_TAKEN", minutesAgo: 31, client: { ...order(24), id: order(14).id }, server: order(14) },
      by: ["d3", "d1"],
    },
    {
      ...{
        id: "c4",
        kind: "VERSION_MISMATCH",
        minutesAgo: 50,
        client: { ...latte, price: 4.2 },
        server: { ...latte, price: 4.1 },
      },
      change: { collection: "products" },
    },
    ...settledCases(order, now),
  ];
  for (const each of cases) replica.openConflict(conflictOf(each, now));
  replica.receive("orders", [{ data: tabTheirs, deviceId: "d2", updatedAt: now - 6 * MINUTE }]);
  replica.remove("orders", other.id, "d3", now - 14 * MINUTE);
}

function settledCases(order: (index: number) => Order, now: number): Case[] {
  const settled = (
    minutesAgo: number,
    settlement: ConflictData["settlement"],
    settledBy: string,
  ): Partial<ConflictData> => ({
    ...{ status: "settled", settlement, settledBy, settledAt: now - minutesAgo * MINUTE },
  });
  return [
    {
      ...{
        id: "c5",
        kind: "HASH_MISMATCH",
        minutesAgo: 95,
        client: { ...order(5), notes: "Gift wrap" },
        server: order(5),
      },
      change: { ...settled(80, "MERGED", SERVER_DEVICE_ID), policy: "MERGE" },
    },
    {
      ...{
        id: "c6",
        kind: "CONCURRENT_MODIFICATION",
        minutesAgo: 130,
        client: { ...order(12), notes: "Came back" },
        server: order(12),
      },
      change: { ...settled(120, "SERVER", SERVER_DEVICE_ID), policy: "SERVER_WINS" },
    },
    {
      ...{
        id: "c7",
        kind: "CONCURRENT_MODIFICATION",
        minutesAgo: 200,
        client: { ...order(17), customerName: "Liam" },
        server: order(17),
      },
      change: {
        ...settled(190, "SERVER", "d2"),
        attempts: [
          {
            ...{ syncVersion: 4, hash: "0".repeat(64), deleted: false, deviceId: "d1", at: now - 189 * MINUTE },
            data: { ...order(17), customerName: "Liam" },
          },
        ],
      },
    },
    {
      ...{
        id: "c8",
        kind: "NUMBER_TAKEN",
        minutesAgo: 300,
        client: order(8),
        server: { ...order(8), orderNumber: "B2-000452-2" },
      },
      change: { ...settled(300, "MERGED", SERVER_DEVICE_ID), policy: "SERVER_WINS" },
    },
    {
      ...{ id: "c9", kind: "ID_TAKEN", minutesAgo: 400, client: order(20), server: { ...order(21), id: order(20).id } },
      change: { ...settled(390, "BOTH", "d3"), keptAs: order(21).id },
    },
  ];
}

/** Order o1 has been through a good deal. */
export function fillHistory(replica: FakeReplica, clock: () => number, products: readonly Product[]): void {
  const now = clock();
  const { order } = demoOrder(1, now, products);
  const version = (change: Partial<Order>, deviceId: string, minutesAgo: number) =>
    replica.receive("orders", [{ data: { ...order, ...change }, deviceId, updatedAt: now - minutesAgo * MINUTE }]);
  const open = { paymentStatus: "PENDING", orderStatus: "PENDING", paymentMethod: "OTHER", completedAt: null } as const;
  const lines = demoOrder(11, now, products).order.items;
  version({ ...open, notes: "For the book club" }, "d2", 55);
  version({ ...open, notes: "For the book club", items: [...order.items, ...lines] }, "d3", 50);
  version({ ...open, notes: "For the book club", customerName: "Nora Walsh", tableName: "Window" }, "d2", 44);
  replica.remove("orders", order.id, "d3", now - 40 * MINUTE);
  version({ ...open, customerName: "Nora Walsh" }, "d1", 38);
  version({ ...open, customerName: "Nora Walsh", notes: "Bill please" }, "d1", 30);
  version({ customerName: "Nora Walsh", notes: "Bill please" }, "d2", 20);
}
