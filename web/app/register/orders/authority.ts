/** Who answers for a refund or for a cancelled order. */
import type { Person } from "@tillwire/protocol/pos/fields";
import type { Till } from "../till.svelte.ts";

type Reason = "refund" | "cancel";
interface Authority {
  /** Asks for a manager where one is needed. */
  authorise?(reason: Reason): Promise<Person | null>;
}

/** @returns null: nobody did. Without staff whoever is at the register does */
export async function authorise(shared: Till, reason: Reason): Promise<Person | null> {
  const authority = shared as Till & Authority;
  if (authority.authorise) return authority.authorise(reason);
  const { userId, userName } = shared.saleContext();
  return { id: userId, name: userName };
}
