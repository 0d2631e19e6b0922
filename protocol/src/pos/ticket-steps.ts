/** The steps of a ticket along its machine (drawn in tickets.ts). Pure. */
import {
  isOpenLine,
  rankOf,
  stateOfLine,
  stateOfLines,
  type Ticket,
  type TicketLine,
  type TicketState,
} from "./tickets.ts";

/**
 * Forward: every line that is not that far yet is. Back: the lines that made the ticket what it is. From served, a recall: the lines of the last
 * serving; to `new` it leads no further back than to `preparing`.
 */
export function moveTicket(ticket: Ticket, to: TicketState): Ticket {
  const from = stateOfLines(ticket.lines);
  const servings = Math.max(0, ...ticket.lines.map((line) => line.served ?? 0));
  const lines = ticket.lines.map((line): TicketLine => {
    if (from === "served") return line.served === servings && to !== "served" ? lineAt(line, to, servings) : line;
    if (!isOpenLine(line)) return line;
    const state = stateOfLine(line);
    const moves = rankOf(to) > rankOf(from) ? rankOf(state) < rankOf(to) : state === from;
    return moves ? lineAt(line, to, servings + 1) : line;
  });
  return { ...ticket, lines, state: stateOfLines(lines) };
}

function lineAt(line: TicketLine, state: TicketState, serving: number): TicketLine {
  const { preparing: _, ready: __, served, ...rest } = line;
  return {
    ...rest,
    ...((rankOf(state) >= rankOf("preparing") || served != null) && { preparing: true as const }),
    ...(rankOf(state) >= rankOf("ready") && { ready: true as const }),
    ...(state === "served" && { served: serving }),
  };
}
