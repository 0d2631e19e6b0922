/** What tells an order's lines apart, even where a device gave two of them one id. */
import type { OrderItem } from "./orders.ts";

/** One for each line, in their order: its own id, or where an earlier line bears that, one made of it. */
export function lineIds(items: readonly Pick<OrderItem, "id">[]): string[] {
  const own = new Set(items.map(({ id }) => id));
  const given = new Set<string>();
  return items.map(({ id }) => {
    let free = id;
    for (let count = 2; given.has(free) || (free !== id && own.has(free)); count++) free = `${id}#${count}`;
    given.add(free);
    return free;
  });
}
