/** Whether the cart on a customer display may be taken for how things are. Pure. */
import type { PresentDevice } from "@tillwire/protocol/messages";
import type { Freshness } from "../freshness.ts";

/** `register away`: this display hears the server, but the register does not, or is switched off. */
export type Trust = "live" | "display away" | "register away";

/**
 * @param register as the server sees it; undefined: not told yet
 */
export function trustOf(freshness: Freshness, register: Pick<PresentDevice, "online"> | undefined): Trust {
  if (freshness.kind !== "live") return "display away";
  return register?.online ? "live" : "register away";
}

/** Nobody stands before a display that can't be trusted for so long: it shows the shop's name again. */
export const FORGET_MS = 120_000;

/** Whether the lines are to be shown at all; `untrustedMs`: for how long they have not been live, 0: they are. */
export function showsCart(state: string, untrustedMs: number): boolean {
  return state !== "idle" && untrustedMs < FORGET_MS;
}
