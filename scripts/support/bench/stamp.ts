/** When a sale left its device, carried in the sale itself, so that every system under test carries it alike. */
import type { Order } from "@tillwire/protocol/pos/orders";

/** Monotonic, the same for all processes of this machine, in ms with fractions. */
export function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function stamped(order: Order): Order {
  return { ...order, notes: `sent:${clockMs().toFixed(3)}` };
}

/** @returns null: it bears no stamp */
export function sentAtOf(order: { readonly notes?: string | null | undefined }): number | null {
  return order.notes?.startsWith("sent:") ? Number(order.notes.slice(5)) : null;
}
