/** What keeps a register from being set up anew: nothing that people did may be lost by it. Pure. */
import type { Messages } from "../../messages/en.ts";

export interface Kept {
  /** Writes that wait to be sent. */
  readonly pending: number;
  /** Writes that were rejected. */
  readonly failed: number;
  /** Pieces in the cart. */
  readonly cart: number;
  readonly linked: boolean;
}

/** @returns one text for each reason; none: it may be */
export function reasonsAgainst({ pending, failed, cart, linked }: Kept, { sync }: Messages): string[] {
  const reasons: [boolean, string][] = [
    [pending > 0, sync.anewUnsent(pending)],
    [failed > 0, sync.anewRejected(failed)],
    [cart > 0, sync.anewCart],
    [!linked, sync.anewOffline],
  ];
  return reasons.flatMap(([holds, text]) => (holds ? text : []));
}
