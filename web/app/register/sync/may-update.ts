/** When a register may load a new version by itself: nobody is at it, and nothing could be lost. Pure. */

/** Without a touch or a key. */
export const QUIET_MS = 3 * 60_000;

export interface Activity {
  /** Writes that wait to be sent, and rejected ones. */
  readonly unsent: number;
  /** Something is in the cart, or a dialog is open. */
  readonly busy: boolean;
  /** The server is there: the new version must come from somewhere if something of it is missing. */
  readonly linked: boolean;
  readonly quietMs: number;
}

export function mayUpdate({ unsent, busy, linked, quietMs }: Activity): boolean {
  return unsent === 0 && !busy && linked && quietMs >= QUIET_MS;
}
