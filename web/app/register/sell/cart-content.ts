/** What is in a cart, as text for the tab's memory: a reload in the middle of a sale keeps it. Pure. */
import type { PaymentPart } from "./payment.ts";
import type { Draft } from "./sale.ts";

/** What a reload, or an undone "clear", brings back. */
export interface CartContent extends Draft {
  /** Money that was taken for it already. */
  readonly parts: readonly PaymentPart[];
  /** On top of the total. */
  readonly tip: number;
}

/** @returns null: there is nothing to remember */
export function rememberedText(content: CartContent): string | null {
  const { items, parts, notes, customerName, opened } = content;
  const empty = items.length === 0 && parts.length === 0 && !notes && !customerName && !opened;
  return empty ? null : JSON.stringify(content);
}

/** What an earlier run remembered, that of another build too; nothing where it can't be read. */
export function contentIn(remembered: string): Partial<CartContent> {
  try {
    const content = JSON.parse(remembered) as CartContent;
    const { opened } = content;
    // builds before knew an opened order by its data alone
    return opened ? { ...content, opened: { ...opened, localId: opened.localId ?? opened.data.id } } : content;
  } catch {
    return {};
  }
}
