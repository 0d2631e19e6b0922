/** One word for where an order stands, from its two statuses. */
import type { Order } from "@tillwire/protocol/pos/orders";

export type OrderState = "open" | "paid" | "refunded" | "cancelled" | "failed";

export function stateOf({ orderStatus, paymentStatus }: Pick<Order, "orderStatus" | "paymentStatus">): OrderState {
  if (orderStatus === "REFUNDED" || paymentStatus === "REFUNDED") return "refunded";
  if (orderStatus === "CANCELLED") return "cancelled";
  if (paymentStatus === "PAID") return "paid";
  return paymentStatus === "FAILED" ? "failed" : "open";
}

export const STATE_TONES = {
  open: "accent",
  paid: "neutral",
  refunded: "warn",
  cancelled: "neutral",
  failed: "bad",
} as const;
