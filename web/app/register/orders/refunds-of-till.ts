/** The refunds under way at this register: one for all its screens. */
import type { Till } from "../till.svelte.ts";
import { Refunds } from "./refunding.ts";

const refunds = new WeakMap<Till, Refunds>();

export function refundsFor(shared: Till): Refunds {
  const known = refunds.get(shared);
  if (known) return known;
  const { replica, env, kitchen } = shared;
  const shiftId = () => (shared.shop ? shared.saleContext().shiftId : null);
  const made = new Refunds({ replica, now: env.now, shiftId, kitchen });
  refunds.set(shared, made);
  return made;
}
