/** What stands where on the board, and how long it has waited. Pure. */
import type { ReplicaRecord } from "@tillwire/client/api";
import { isOpenLine, type Ticket, type TicketLine, type TicketState } from "@tillwire/protocol/pos/tickets";

export const COLUMNS = ["new", "preparing", "ready"] as const;
export type Column = (typeof COLUMNS)[number];
export type TicketRecord = ReplicaRecord<Ticket>;
export type Columns = Readonly<Record<Column, readonly TicketRecord[]>>;

/** From which age on a ticket is late, and overdue. */
export const LATE_MS = 5 * 60_000;
export const OVERDUE_MS = 10 * 60_000;
export type Age = "fresh" | "late" | "overdue";

/** Whoever waits longest first. */
export function columnsOf(records: readonly TicketRecord[]): Columns {
  const columns: Record<Column, TicketRecord[]> = { new: [], preparing: [], ready: [] };
  for (const record of records) if (record.data.state !== "served") columns[record.data.state].push(record);
  for (const column of COLUMNS) columns[column].sort(byWaiting);
  return columns;
}

/** What can be called back, the latest first. */
export function servedOf(records: readonly TicketRecord[]): readonly TicketRecord[] {
  return records.filter((record) => record.data.state === "served").sort((a, b) => b.updatedAt - a.updatedAt);
}

/** Epoch ms at which the oldest open line came. */
export function waitingSince({ lines, createdAt }: Ticket): number {
  const open = lines.filter((line) => isOpenLine(line) && !line.voided);
  return open.length === 0 ? createdAt : Math.min(...open.map((line) => line.addedAt));
}

function byWaiting(a: TicketRecord, b: TicketRecord): number {
  return waitingSince(a.data) - waitingSince(b.data) || (a.localId < b.localId ? -1 : 1);
}

export function ageOf(waitedMs: number): Age {
  if (waitedMs >= OVERDUE_MS) return "overdue";
  return waitedMs >= LATE_MS ? "late" : "fresh";
}

export function isAdded({ createdAt }: Ticket, line: TicketLine): boolean {
  return line.addedAt > createdAt;
}

/** Nothing is left to make: the ticket is only to be seen, and put away. */
export function isVoided({ lines }: Ticket): boolean {
  return lines.filter(isOpenLine).every((line) => line.voided);
}

export function nextState(ticket: Ticket): TicketState {
  if (isVoided(ticket)) return "served";
  return ticket.state === "new" ? "preparing" : ticket.state === "preparing" ? "ready" : "served";
}

/** null: there is no step back but a recall. */
export function previousState({ state }: Ticket): TicketState | null {
  if (state === "ready") return "preparing";
  return state === "preparing" ? "new" : null;
}

/** What asks for attention in a list of tickets: it is different whenever a line came or was voided. */
export function linesToNotice(records: readonly TicketRecord[]): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { localId, data } of records)
    for (const line of data.lines)
      if (isOpenLine(line)) keys.add(`${localId}/${line.id}${line.voided ? "/voided" : ""}`);
  return keys;
}

/** K7-000123: people call 123. */
export function calledNumber(orderNumber: string): { readonly series: string; readonly number: string } {
  const match = /^(.*?)-?0*(\d{1,9})$/.exec(orderNumber);
  return match ? { series: match[1] ?? "", number: match[2] ?? orderNumber } : { series: "", number: orderNumber };
}
