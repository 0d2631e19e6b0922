/** A conflict in words for people: what it was about, how it ended, and the values that stand and that do not. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import type { FieldDifference } from "@tillwire/protocol/messages";
import type { Messages } from "../../messages/en.ts";
import { textOf } from "../../messages/text-of.ts";
import { recordName } from "./sync-words.ts";

export interface ConflictView {
  readonly title: string;
  readonly outcome: string;
  readonly fields: readonly {
    readonly path: string;
    readonly name: string;
    readonly stands: string;
    readonly lost: string;
  }[];
}

const MONEY = new Set(["total", "subtotal", "tax", "discount", "price", "amount"]);
/** More would be a wall of text; the full inbox shows them all. */
const MOST_FIELDS = 6;

export function conflictView(
  conflict: ConflictData,
  messages: Messages,
  nameOf: (deviceId: string) => string,
  money: (amount: number) => string,
): ConflictView {
  const value = (field: string, value: unknown) => valueText(field, value, messages, money);
  return {
    title: recordName(conflict.collection, conflict.server.data ?? conflict.client.data, messages),
    outcome: outcomeText(conflict, messages, nameOf),
    fields: conflict.fields.slice(0, MOST_FIELDS).map((difference) => {
      const { field, localValue, serverValue } = difference;
      const [stands, lost] = clientStands(difference) ? [localValue, serverValue] : [serverValue, localValue];
      return { path: field, name: fieldName(field, messages), stands: value(field, stands), lost: value(field, lost) };
    }),
  };
}

function clientStands({ resolution }: FieldDifference): boolean {
  return resolution === "CLIENT" || resolution === "MERGED";
}

function outcomeText(
  { kind, status, settlement, server, client }: ConflictData,
  { sync }: Messages,
  nameOf: (id: string) => string,
): string {
  if (status === "open") return sync.conflictOpen;
  if (kind === "NUMBER_TAKEN") return sync.conflictNumber;
  if (kind === "DELETED_ITEM") return sync.conflictDeleted(nameOf(server.deviceId));
  if (settlement === "MERGED") return sync.conflictMerged;
  return sync.conflictStands(nameOf(settlement === "CLIENT" ? client.deviceId : server.deviceId));
}

/** `items.3f2a.quantity` is the quantity of an item to people. */
function fieldName(path: string, { fields }: Messages): string {
  const last = path.split(".").findLast((part) => textOf(fields, part) !== undefined);
  return last ? (textOf(fields, last) ?? path) : path;
}

function valueText(path: string, value: unknown, { fields }: Messages, money: (amount: number) => string): string {
  if (value === null || value === undefined || value === "") return fields.nothing;
  if (typeof value === "number" && MONEY.has(path.split(".").at(-1) ?? "")) return money(value);
  if (Array.isArray(value)) return String(value.length);
  const item = value as Partial<OrderItem>;
  if (typeof value === "object" && item.product) return `${item.quantity ?? 1} × ${item.product.name}`;
  if (typeof value === "object") return fields.changed;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
