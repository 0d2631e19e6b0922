/** An order, a conflict and a manner of speaking for the unit tests of words. Not part of the product. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Order } from "@tillwire/protocol/pos/orders";
import type { Speech } from "../conflicts/value-words.ts";
import { conflicts } from "../messages/en/conflicts.ts";
import { register } from "../messages/en/register.ts";
import { textsFrom } from "./texts.ts";

const NAMES = new Map([
  ["d1", "Till 1"],
  ["d2", "Till 2"],
  ["d3", "Till 3"],
]);

export const speech: Speech = {
  messages: textsFrom(register),
  words: textsFrom(conflicts),
  money: (amount) => `€${amount.toFixed(2)}`,
  number: String,
  dateTime: (at) => `at ${at}`,
  nameOf: (deviceId) => NAMES.get(deviceId) ?? "another register",
};

export function line(
  id: string,
  name: string,
  quantity: number,
  price: number,
  more: object = {},
): Order["items"][number] {
  return { id, product: { id: `p-${name}`, name, price, taxRate: 0.2 }, quantity, modifiers: [], ...more };
}

/** Prices contain the tax: two lattes and a tea make 11.00. */
export function order(change: Partial<Order> = {}): Order {
  return {
    id: "o1",
    orderNumber: "A1-000007",
    items: [line("i1", "Latte", 2, 4), line("i2", "Tea", 1, 3)],
    subtotal: 11,
    tax: 1.83,
    discount: 0,
    total: 11,
    paymentMethod: "OTHER",
    paymentStatus: "PENDING",
    orderStatus: "PENDING",
    notes: null,
    createdAt: 1_000,
    ...change,
  };
}

/** Till 1 lost; the value of Till 2 is the server's. */
export function conflict(
  change: Partial<ConflictData> = {},
  client: unknown = order(),
  server: unknown = order(),
): ConflictData {
  const side = (deviceId: string, data: unknown, syncVersion: number) => ({
    ...{ syncVersion, hash: String(syncVersion).repeat(64), deleted: data === null, deviceId, at: syncVersion, data },
  });
  return {
    id: "c1",
    collection: "orders",
    recordId: "o1",
    kind: "CONCURRENT_MODIFICATION",
    policy: "MANUAL",
    status: "open",
    base: null,
    client: side("d1", client, 3),
    server: side("d2", server, 2),
    fields: [],
    createdAt: 5,
    settledAt: null,
    settledBy: null,
    settlement: null,
    ...change,
  };
}
