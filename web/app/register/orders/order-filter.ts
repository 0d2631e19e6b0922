/** Which orders a list shows: pure, quick enough for 10,000 of them at every keystroke. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import { stateOf } from "./order-status.ts";

export type Period = "any" | "today" | "yesterday" | "range";
export interface OrderFilter {
  readonly state: "all" | "open" | "paid" | "refunded";
  /** Device that made it; "": any. */
  readonly register: string;
  /** Who sold it, by name; "": anybody. */
  readonly person: string;
  readonly period: Period;
  /** Of `range`, both included: as date fields give them (2026-01-31), "" leaves that end open. */
  readonly from: string;
  readonly to: string;
  readonly search: string;
}
export const NO_FILTER: OrderFilter = {
  ...{ state: "all", register: "", person: "", period: "any", from: "", to: "", search: "" },
};

/** How many of the filters that are behind a button narrow the list. */
export function countSet({ register, person, period }: OrderFilter): number {
  return Number(register !== "") + Number(person !== "") + Number(period !== "any");
}

export function filterOrders(
  records: readonly ReplicaRecord<Order>[],
  filter: OrderFilter,
  now: number,
): readonly ReplicaRecord<Order>[] {
  const [from, before] = boundsOf(filter, now);
  const words = folded(filter.search).split(/\s+/).filter(Boolean);
  return records.filter(({ data, createdBy }) => {
    if (filter.state === "refunded" ? !isRefunded(data) : filter.state !== "all" && stateOf(data) !== filter.state)
      return false;
    if (filter.register !== "" && createdBy !== filter.register) return false;
    if (filter.person !== "" && data.userName !== filter.person) return false;
    if (data.createdAt < from || data.createdAt >= before) return false;
    const text = words.length > 0 ? textOf(data) : "";
    return words.every((word) => text.includes(word));
  });
}

/** Also those of which only some lines were given back. */
export function isRefunded(order: Order): boolean {
  return stateOf(order) === "refunded" || (order.refunds?.length ?? 0) > 0;
}

/** First ms of the local day that is `days` after the one of `at`. */
export function startOfDay(at: number, days = 0): number {
  const day = new Date(at);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days).getTime();
}

function boundsOf({ period, from, to }: OrderFilter, now: number): readonly [number, number] {
  if (period === "today") return [startOfDay(now), startOfDay(now, 1)];
  if (period === "yesterday") return [startOfDay(now, -1), startOfDay(now)];
  const day = (text: string, days: number) => startOfDay(new Date(`${text}T12:00`).getTime(), days);
  if (period === "range") return [from === "" ? 0 : day(from, 0), to === "" ? Infinity : day(to, 1)];
  return [0, Infinity];
}

// An order's value never changes in place, so that its text is made once.
const texts = new WeakMap<Order, string>();
function textOf(order: Order): string {
  const known = texts.get(order);
  if (known !== undefined) return known;
  const { orderNumber, customerName, tableName, notes, items, total } = order;
  const amount = total.toFixed(2);
  const names = items.map(({ product }) => `${product.name} ${product.sku ?? ""}`);
  const parts = [orderNumber, customerName, tableName, notes, ...names, amount, amount.replace(".", ",")];
  const text = folded(parts.filter(Boolean).join("\n"));
  texts.set(order, text);
  return text;
}

/** Without accents and case: people type neither. */
function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** One order of each register that made any. */
export function firstOfEachMaker(records: readonly ReplicaRecord<Order>[]): ReplicaRecord<Order>[] {
  const makers = new Map<string, ReplicaRecord<Order>>();
  for (const record of records) if (!makers.has(record.createdBy)) makers.set(record.createdBy, record);
  return [...makers.values()];
}
