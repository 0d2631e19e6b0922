/** What keeps a register from being set up anew: nothing that people did may be lost by it. Pure. */
import type { PanelMessages } from "../../messages/messages.svelte.ts";

export interface Kept {
  /** Writes that wait to be sent. */
  readonly pending: number;
  /** Writes that were rejected. */
  readonly failed: number;
  /** There is something in the cart: lines, money that was taken, an order. */
  readonly cart: boolean;
  readonly linked: boolean;
}

/** @returns one text for each reason; none: it may be */
export function reasonsAgainst({ pending, failed, cart, linked }: Kept, words: PanelMessages): string[] {
  const reasons: [boolean, string][] = [
    [pending > 0, words.anewUnsent({ count: pending })],
    [failed > 0, words.anewRejected({ count: failed })],
    [cart, words.anewCart],
    [!linked, words.anewOffline],
  ];
  return reasons.flatMap(([holds, text]) => (holds ? text : []));
}
