/**
 * The keys 1 to 9: a ticket keeps its key for as long as it is on the board, so that a key never means another ticket because the one before
 * it moved. Pure.
 */
export type Slots = ReadonlyMap<string, number>;

export const NO_SLOTS: Slots = new Map();
const KEYS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** @param open localIds of the tickets on the board, in the order in which they get keys */
export function assignSlots(before: Slots, open: readonly string[]): Slots {
  const slots = new Map<string, number>();
  for (const id of open) {
    const key = before.get(id);
    if (key !== undefined) slots.set(id, key);
  }
  const taken = new Set(slots.values());
  const free = KEYS.filter((key) => !taken.has(key));
  for (const id of open) {
    if (free.length === 0) break;
    if (!slots.has(id)) slots.set(id, free.shift()!);
  }
  return slots;
}
