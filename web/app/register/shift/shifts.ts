/** Which shift is open, and what opening, cash in and out, and closing write. Pure, as intents for `replica.batch`. */
import type { NumberSource, WriteIntent } from "@tillwire/client/api";
import { fromCents, toCents } from "@tillwire/protocol/money";
import type { Person } from "@tillwire/protocol/pos/fields";
import type { Shift } from "@tillwire/protocol/pos/shifts";
import { transactions, type Transaction } from "@tillwire/protocol/pos/transactions";

interface Kept {
  readonly data: Shift;
}
const byOpening = (a: Shift, b: Shift): number => b.openedAt - a.openedAt;

/** @returns the latest, should two tabs have opened one each; null: none */
export function openShiftOf(records: readonly Kept[], deviceId: string): Shift | null {
  const open = records.map(({ data }) => data).filter((each) => each.deviceId === deviceId && each.state === "open");
  return open.sort(byOpening)[0] ?? null;
}

/** Latest first. */
export function closedShifts(records: readonly Kept[]): Shift[] {
  return records
    .map(({ data }) => data)
    .filter(({ state }) => state === "closed")
    .sort((a, b) => (b.closedAt ?? 0) - (a.closedAt ?? 0));
}

export interface Drawer {
  readonly now: number;
  readonly newId: () => string;
  readonly deviceId: string;
  readonly registerName: string;
  readonly by: Person;
}

export function openedShift({ now, newId, deviceId, registerName, by }: Drawer, float: number): Shift {
  const openedBy = { id: by.id, name: by.name };
  return { id: newId(), deviceId, registerName, state: "open", openedAt: now, openedBy, float };
}

export interface Closing {
  readonly expectedCents: number;
  readonly counted: number;
  /** Who accepted the difference. */
  readonly authorisedBy: Person | null;
  readonly notes: string;
}

/** @param records all shifts: the number follows the last closed one of this register */
export function closedShift(
  shift: Shift,
  records: readonly Kept[],
  { now, by }: Pick<Drawer, "now" | "by">,
  { expectedCents, counted, authorisedBy, notes }: Closing,
): Shift {
  const numbers = closedShifts(records)
    .filter(({ deviceId }) => deviceId === shift.deviceId)
    .map(({ number }) => number ?? 0);
  const difference = differenceOf(expectedCents, counted);
  return {
    ...shift,
    state: "closed",
    closedAt: now,
    closedBy: { id: by.id, name: by.name },
    number: Math.max(0, ...numbers) + 1,
    expected: fromCents(expectedCents),
    counted,
    difference,
    ...(difference !== 0 && authorisedBy && { authorisedBy: { id: authorisedBy.id, name: authorisedBy.name } }),
    ...(notes.trim() && { notes: notes.trim() }),
  };
}

/** What was counted minus what should be there. */
export function differenceOf(expectedCents: number, counted: number): number {
  return fromCents(toCents(counted) - expectedCents);
}

export interface CashMove {
  readonly type: "CASH_IN" | "CASH_OUT";
  readonly amount: number;
  readonly reason: string;
}

/** Money that is put into the drawer, or taken out of it, without a sale. */
export function buildCashMove(
  shift: Shift,
  { type, amount, reason }: CashMove,
  { now, newId, by }: Pick<Drawer, "now" | "newId" | "by">,
): (numbers: NumberSource) => readonly WriteIntent[] {
  const id = newId();
  return (numbers) => {
    const data: Transaction = {
      id,
      referenceNumber: numbers.next("transaction"),
      type,
      amount,
      paymentMethod: "CASH",
      status: "COMPLETED",
      userId: by.id,
      userName: by.name,
      notes: reason.trim(),
      shiftId: shift.id,
      createdAt: now,
      completedAt: now,
    };
    return [{ op: "put", collection: transactions.name, data }];
  };
}
