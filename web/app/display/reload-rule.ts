/** When a board may load a new version by itself: nobody must find it reloading, and nothing may be unsent. Pure. */

/** Without a ticket on the board. */
export const QUIET_MS = 60_000;
/** With tickets that nobody has touched for so long that they were forgotten. */
export const FORGOTTEN_MS = 30 * 60_000;

export interface BoardActivity {
  readonly openTickets: number;
  /** Writes that wait, and rejected ones. */
  readonly unsent: number;
  /** Since a ticket last changed or somebody touched the board. */
  readonly quietMs: number;
}

export function mayReload({ openTickets, unsent, quietMs }: BoardActivity): boolean {
  if (unsent > 0) return false;
  return quietMs >= (openTickets === 0 ? QUIET_MS : FORGOTTEN_MS);
}
