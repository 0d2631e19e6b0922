/**
 * Kitchen tickets: one for each order, made when it is paid or sent to the kitchen. Registers write which lines there are, boards how far each
 * is; a ticket is as far as its slowest line.
 *
 *            bump               bump             bump
 *   new ──────────► preparing ─────────► ready ─────────► served      steps may be skipped
 *    ▲ ◄───────────    ▲ ▲  ◄───────────  ▲                │ │
 *    │     back        │ │      back      │     recall     │ │
 *    │                 │ └────────────────┴────────────────┘ │
 *    └─ a line is added ── never otherwise from served ──────┘
 *
 * How far a line is stands in members that are only ever set or unset, so that what two boards and a register do at once merges without a
 * clash: the steps of both count, a step back wins over a step forward, and a line that was added meanwhile keeps its ticket in sight.
 */
import * as z from "zod/mini";
import { defineCollection } from "../collection.ts";
import { canonicalJson } from "../hash.ts";
import { idSchema } from "../messages.ts";
import { timeSchema } from "./fields.ts";

export const TICKET_STATES = ["new", "preparing", "ready", "served"] as const;
export type TicketState = (typeof TICKET_STATES)[number];

const flag = z.nullish(z.literal(true));

export const ticketLineSchema = z.looseObject({
  id: z.string(),
  /** The order's item that this is a line of: an item that grew later has several. */
  itemId: z.string(),
  name: z.string(),
  quantity: z.int(),
  /** Variation and modifiers in words. */
  details: z.nullish(z.array(z.string())),
  notes: z.nullish(z.string()),
  /** Epoch ms; later than the ticket's createdAt: the line was added. */
  addedAt: timeSchema,
  /** Taken back by the register; for good. */
  voided: flag,
  preparing: flag,
  ready: flag,
  /** In which serving of this ticket the line was served, from 1 on; unset by a recall. */
  served: z.nullish(z.int().check(z.gte(1))),
});
export type TicketLine = z.infer<typeof ticketLineSchema>;

export const ticketSchema = z
  .looseObject({
    /** That of the order, and the record's localId. */
    id: idSchema,
    orderNumber: z.string(),
    tableName: z.nullish(z.string()),
    customerName: z.nullish(z.string()),
    notes: z.nullish(z.string()),
    lines: z.array(ticketLineSchema),
    /** Follows from the lines; stored for those who only read. */
    state: z.enum(TICKET_STATES),
    createdAt: timeSchema,
  })
  .check(z.refine(({ lines, state }) => state === stateOfLines(lines), "state is not that of the lines"));
export type Ticket = z.infer<typeof ticketSchema>;

/** Neither served nor, if it was voided, seen to. */
export function isOpenLine(line: TicketLine): boolean {
  return line.served == null;
}

/** A later step without the one before it does not count: somebody took that one back. */
export function stateOfLine(line: TicketLine): TicketState {
  if (line.served != null) return "served";
  if (!line.preparing) return "new";
  return line.ready ? "ready" : "preparing";
}

/** That of the slowest open line. Voided lines hold nobody up, but stay in sight until their ticket is served. */
export function stateOfLines(lines: readonly TicketLine[]): TicketState {
  const open = lines.filter(isOpenLine);
  const wanted = open.filter((line) => !line.voided);
  const ranks = (wanted.length > 0 ? wanted : open).map((line) => rankOf(stateOfLine(line)));
  return TICKET_STATES[Math.min(rankOf("served"), ...ranks)]!;
}

/** 0 for new, 3 for served. */
export function rankOf(state: TicketState): number {
  return TICKET_STATES.indexOf(state);
}

/** What boards and registers may do; each on its own, so that no order of arrival leads where nobody wanted to go. */
export function guardTicket(current: Ticket | null, next: Ticket | null): string | null {
  if (!current) return null;
  if (!next) return current.state === "served" ? null : "a ticket that is not served can't be deleted";
  const lines = new Map(next.lines.map((line) => [line.id, line]));
  for (const line of current.lines) {
    const after = lines.get(line.id);
    if (!after) return "a line never vanishes from a ticket: it is voided";
    if (line.voided && !after.voided) return "a voided line stays voided";
    if (line.served != null && stateOfLine(after) === "new") return "a served line can't become new";
    if (canonicalJson(whatItSays(line)) !== canonicalJson(whatItSays(after)))
      return "what a line says can't change: it is voided, and another added";
  }
  return null;
}

function whatItSays({ itemId, name, quantity, details, notes, addedAt }: TicketLine): object {
  return { itemId, name, quantity, details: details ?? [], notes, addedAt };
}

/** After a merge: the state is that of the merged lines. */
export function deriveTicket(ticket: Ticket): Ticket {
  return { ...ticket, state: stateOfLines(ticket.lines) };
}

export const tickets = defineCollection<Ticket>({
  name: "tickets",
  schema: ticketSchema,
  // Nobody in a kitchen settles conflicts: whatever was done at once counts, line by line.
  policy: "MERGE",
  writableBy: ["register", "display", "script"],
  guard: guardTicket,
  derive: deriveTicket,
  derivedFields: ["state"],
});
