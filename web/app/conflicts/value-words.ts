/** Values and fields of records in words for people: money, quantities, lines, states. Never JSON. Pure. */
import { isObject, own } from "@tillwire/protocol/differences";
import type { ConflictMessages } from "../messages/messages.svelte.ts";
import type { Messages } from "../messages/messages.svelte.ts";
import { textOf } from "../messages/text-of.ts";

/** What words are made with: the texts, the shop's formats, and the names of devices. */
export interface Speech {
  readonly messages: Messages;
  readonly words: ConflictMessages;
  readonly money: (amount: number) => string;
  readonly number: (value: number) => string;
  readonly dateTime: (at: number) => string;
  readonly nameOf: (deviceId: string) => string;
}

const MONEY = new Set(["total", "subtotal", "tax", "discount", "price", "amount", "given"]);
const TIMES = new Set(["createdAt", "completedAt", "addedAt"]);
const STATES = new Set(["orderStatus", "paymentStatus", "paymentMethod", "status", "type", "taxMode", "role", "state"]);
/** Longer texts are cut: notes may hold thousands of characters. */
const MOST_TEXT = 280;
const MOST_PARTS = 6;

/** The name of a member, for people; unknown ones are shown as they are called. */
export function fieldName(name: string, { words }: Speech): string {
  return textOf(words.fields, name) ?? name;
}

/** @param name of the member that holds `value` */
export function valueText(name: string, value: unknown, speech: Speech): string {
  const { words, money, number, dateTime } = speech;
  if (value === null || value === undefined || value === "") return words.values.nothing;
  if (name === "pinHash") return words.values.secret;
  if (typeof value === "boolean") return value ? words.values.yes : words.values.no;
  if (typeof value === "number") {
    if (MONEY.has(name)) return money(value);
    if (TIMES.has(name)) return dateTime(value);
    return name === "taxRate"
      ? words.values.percent({ percent: number(Math.round(value * 10_000) / 100) })
      : number(value);
  }
  if (typeof value === "string") return STATES.has(name) ? stateText(name, value, speech) : cut(value);
  if (Array.isArray(value)) return listText(name, value, speech);
  return objectText(value as Record<string, unknown>, speech);
}

/** One line of an order as people say it: "2 × Latte (oat milk)". */
export function lineText(item: Record<string, unknown>, speech: Speech): string {
  const quantity = own(item, "quantity");
  const text = `${typeof quantity === "number" ? speech.number(quantity) : "1"} × ${lineName(item, speech)}`;
  const more = ["variation", "modifiers", "details", "notes"]
    .map((name) => own(item, name))
    .filter((part) => part !== null && part !== "" && !(Array.isArray(part) && part.length === 0))
    .map((part) => valueText("notes", part, speech));
  const discount = own(item, "discount");
  if (typeof discount === "number" && discount !== 0) more.push(`−${speech.money(discount)}`);
  return more.length > 0 ? `${text} (${more.join(", ")})` : text;
}

/** The name of the product that a line sells. */
export function lineName(item: Record<string, unknown>, { words }: Speech): string {
  const product = own(item, "product");
  const name = isObject(product) ? own(product, "name") : own(item, "name");
  return typeof name === "string" && name !== "" ? cut(name) : words.fields.line;
}

function stateText(name: string, value: string, { words }: Speech): string {
  if (name === "paymentStatus" && value === "PENDING") return words.values.unpaid;
  return textOf(words.values.states, value) ?? value.toLowerCase().replaceAll("_", " ");
}

function listText(name: string, values: readonly unknown[], speech: Speech): string {
  if (values.length === 0) return speech.words.values.nothing;
  const parts = values.slice(0, MOST_PARTS).map((value) => valueText(name, value, speech));
  return values.length > MOST_PARTS ? `${parts.join(", ")} …` : parts.join(", ");
}

function objectText(value: Record<string, unknown>, speech: Speech): string {
  if (isObject(own(value, "product"))) return lineText(value, speech);
  const name = own(value, "name") ?? own(value, "label") ?? own(value, "title");
  if (typeof name === "string") {
    const quantity = own(value, "quantity");
    return typeof quantity === "number" && quantity !== 1 ? `${speech.number(quantity)} × ${cut(name)}` : cut(name);
  }
  const parts = Object.entries(value)
    .filter(([member, part]) => member !== "id" && part !== null && typeof part !== "object")
    .slice(0, MOST_PARTS)
    .map(([member, part]) => `${fieldName(member, speech)} ${valueText(member, part, speech)}`);
  return parts.length > 0 ? parts.join(", ") : speech.words.values.changed;
}

function cut(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT - 1)}…` : text;
}
