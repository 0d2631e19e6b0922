/** What an order asks of the kitchen, as a ticket. Pure. */
import { lineIds } from "./line-ids.ts";
import type { Order, OrderItem } from "./orders.ts";
import { isOpenLine, stateOfLines, type Ticket, type TicketLine } from "./tickets.ts";

export interface TicketContext {
  /** localId of the order, and so of its ticket, where the order's data may bear another. Default: `order.id`. */
  readonly orderId?: string;
  /** The order's ticket so far. */
  readonly before: Ticket | null;
  /** Categories whose items are made in the kitchen; absent: all, empty: none. */
  readonly categories?: readonly string[] | null | undefined;
  /** Epoch ms. */
  readonly now: number;
}

/**
 * The order's ticket as it should be. Lines are never changed: what grew is added, what shrank is voided; what was served already stays served.
 * @returns null where the kitchen learns nothing new
 */
export function ticketOf(order: Order, { orderId, before, categories, now }: TicketContext): Ticket | null {
  const ids = lineIds(order.items);
  const items = order.items.map((item, index) => ({ ...item, id: ids[index]! }));
  const wanted = items.filter(({ product }) => !categories || categories.includes(product.categoryId ?? ""));
  const takenBack = order.orderStatus === "CANCELLED" || order.orderStatus === "REFUNDED";
  const lines = linesOf(before?.lines ?? [], takenBack ? [] : wanted, now);
  if (lines.length === 0) return null;
  const ticket: Ticket = {
    createdAt: now,
    ...before, // members that this build does not know are kept
    id: orderId ?? order.id,
    orderNumber: order.orderNumber,
    ...header("tableName", order, before),
    ...header("customerName", order, before),
    ...header("notes", order, before),
    lines,
    state: stateOfLines(lines),
  };
  return before && says(ticket) === says(before) ? null : ticket;
}

function header(field: "tableName" | "customerName" | "notes", order: Order, before: Ticket | null): object {
  const text = order[field] ?? null;
  return text === (before?.[field] ?? null) ? {} : { [field]: text };
}

function says({ lines, tableName, customerName, notes, orderNumber }: Ticket): string {
  const marks = lines.map(({ id, voided }) => [id, voided ?? false]);
  return JSON.stringify([marks, tableName ?? null, customerName ?? null, notes ?? null, orderNumber]);
}

function linesOf(before: readonly TicketLine[], items: readonly OrderItem[], now: number): TicketLine[] {
  const wanted = new Map(items.map((item) => [item.id, item]));
  const lines = before.map((line) => {
    const item = wanted.get(line.itemId);
    return isOpenLine(line) && !(item && isLineOf(line, item)) ? voidedLine(line) : line;
  });
  for (const item of wanted.values()) {
    let missing = item.quantity;
    for (const line of lines) if (line.itemId === item.id && !line.voided) missing -= line.quantity;
    // The latest first: the earlier ones are more likely to be on the stove.
    for (let at = lines.length - 1; at >= 0 && missing < 0; at--) {
      const line = lines[at]!;
      if (line.itemId !== item.id || line.voided || !isOpenLine(line)) continue;
      lines[at] = voidedLine(line);
      missing += line.quantity;
    }
    if (missing > 0) lines.push(newLine(item, missing, now, lines));
  }
  return lines;
}

function voidedLine(line: TicketLine): TicketLine {
  return line.voided ? line : { ...line, voided: true };
}

function newLine(item: OrderItem, quantity: number, addedAt: number, lines: readonly TicketLine[]): TicketLine {
  const earlier = lines.filter((line) => line.itemId === item.id).length;
  const details = detailsOf(item);
  return {
    id: earlier === 0 ? item.id : `${item.id}.${earlier + 1}`,
    itemId: item.id,
    name: item.product.name,
    quantity,
    ...(details.length > 0 && { details }),
    ...(item.notes && { notes: item.notes }),
    addedAt,
  };
}

/** Whether the line still says what the item does, whatever its quantity. */
function isLineOf(line: TicketLine, item: OrderItem): boolean {
  const text = (name: string, details: readonly string[] | null | undefined, notes: string | null | undefined) =>
    JSON.stringify([name, details ?? [], notes ?? ""]);
  return text(line.name, line.details, line.notes) === text(item.product.name, detailsOf(item), item.notes);
}

/** Variation and modifiers in words, as kitchens, carts and receipts show them. */
export function detailsOf({ variation, modifiers }: Pick<OrderItem, "variation" | "modifiers">): string[] {
  const chosen = nameIn(variation);
  const added = (modifiers ?? []).flatMap((modifier) => {
    const name = nameIn(modifier);
    if (name === null) return [];
    const quantity = modifier.quantity ?? 1;
    return [quantity === 1 ? name : `${quantity} × ${name}`];
  });
  return chosen === null ? added : [chosen, ...added];
}

function nameIn(value: unknown): string | null {
  const { name } = (value ?? {}) as { name?: unknown };
  return typeof name === "string" && name !== "" ? name : null;
}
