/** Orders: sales, open tabs and refunded sales. Data as PROTOCOL.md describes; members beyond are kept. */
import * as z from "zod/mini";
import { defineCollection } from "../collection.ts";
import { canonicalJson } from "../hash.ts";
import { idSchema } from "../messages.ts";
import { ROUNDINGS } from "../money.ts";
import { moneySchema, numberTextSchema, paymentMethodSchema, personSchema, timeSchema } from "./fields.ts";
import { keepOfOrder } from "./kept-members.ts";
import { refundSchema, whyNotRefunded } from "./refunds.ts";
import { orderTotals, TAX_MODES, taxModeOf } from "./totals.ts";

export { taxModeOf } from "./totals.ts";

const text = z.string();
const textOrNull = z.nullish(z.string());

export const orderItemSchema = z.looseObject({
  id: text,
  product: z.looseObject({
    id: text,
    name: text,
    sku: textOrNull,
    barcode: textOrNull,
    price: moneySchema,
    categoryId: textOrNull,
    categoryName: textOrNull,
    /** A fraction: 0.08 is 8 %. */
    taxRate: z.nullish(z.number().check(z.gte(0), z.lte(1))),
  }),
  /** Of a product that comes in several: `product.price` is the variation's then. */
  variation: z.nullish(z.unknown()),
  quantity: z.int(),
  modifiers: z.nullish(z.array(z.looseObject({ price: z.nullish(moneySchema), quantity: z.nullish(z.int()) }))),
  /** Amount off the whole line. */
  discount: z.nullish(moneySchema),
  /** Where the discount was given in per cent: it follows the quantity while the order is open. */
  discountPercent: z.nullish(z.number().check(z.gte(0), z.lte(100))),
  notes: textOrNull,
});
export type OrderItem = z.infer<typeof orderItemSchema>;

export const paymentStatusSchema = z.enum(["PENDING", "PAID", "REFUNDED", "FAILED"]);
export const orderStatusSchema = z.enum(["PENDING", "COMPLETED", "CANCELLED", "REFUNDED"]);

export const orderPaymentSchema = z.looseObject({
  /** That of its SALE transaction. */
  id: idSchema,
  method: paymentMethodSchema,
  amount: moneySchema,
  /** Cash handed over. */
  given: z.nullish(moneySchema),
});
export type OrderPayment = z.infer<typeof orderPaymentSchema>;

export const orderSchema = z.looseObject({
  id: idSchema,
  orderNumber: numberTextSchema,
  items: z.array(orderItemSchema),
  customerId: textOrNull,
  customerName: textOrNull,
  tableId: textOrNull,
  tableName: textOrNull,
  subtotal: moneySchema,
  tax: moneySchema,
  discount: z.nullish(moneySchema),
  total: moneySchema,
  paymentMethod: paymentMethodSchema,
  paymentStatus: paymentStatusSchema,
  orderStatus: orderStatusSchema,
  notes: textOrNull,
  createdAt: timeSchema,
  completedAt: z.nullish(timeSchema),
  discountPercent: z.nullish(z.number().check(z.gte(0), z.lte(100))),
  /** On top of the total. */
  tip: z.nullish(moneySchema),
  /** How the totals were computed; absent: read off the sums. */
  taxMode: z.nullish(z.enum(TAX_MODES)),
  taxRounding: z.nullish(z.enum(ROUNDINGS)),
  /** Each part of the payment; their amounts are total and tip. `paymentMethod` is OTHER where they differ in method. */
  payments: z.nullish(z.array(orderPaymentSchema)),
  refunds: z.nullish(z.array(refundSchema)),
  /** Who sold it. */
  userId: textOrNull,
  userName: textOrNull,
  /** Which register has the open order in its cart. */
  holder: z.nullish(z.looseObject({ deviceId: idSchema, name: text, at: timeSchema })),
  cancelledBy: z.nullish(personSchema),
});
export type Order = z.infer<typeof orderSchema>;

type OrderStatus = Order["orderStatus"];
type PaymentStatus = Order["paymentStatus"];

// What each state can still become; steps may have been skipped offline, so these are the transitive closures.
const NEXT_ORDER: Record<OrderStatus, readonly OrderStatus[]> = {
  PENDING: ["COMPLETED", "CANCELLED", "REFUNDED"],
  COMPLETED: ["REFUNDED"],
  CANCELLED: [],
  REFUNDED: [],
};
const NEXT_PAYMENT: Record<PaymentStatus, readonly PaymentStatus[]> = {
  PENDING: ["PAID", "FAILED", "REFUNDED"],
  FAILED: ["PENDING", "PAID", "REFUNDED"],
  PAID: ["REFUNDED"],
  REFUNDED: [],
};
const FROZEN_WHEN_PAID = ["items", "subtotal", "tax", "discount", "total", "tip", "payments"] as const;

/**
 * A paid order never goes back to unpaid, its items and amounts are frozen; its status moves along its machine; refunds are only ever added,
 * and never more than was paid.
 */
export function guardOrder(current: Order | null, next: Order | null): string | null {
  if (!next) return null;
  const problem = whyNotRefunded(current, next);
  if (problem || !current) return problem;
  if (next.orderStatus !== current.orderStatus && !NEXT_ORDER[current.orderStatus].includes(next.orderStatus)) {
    return `an order can't go from ${current.orderStatus} to ${next.orderStatus}`;
  }
  if (
    next.paymentStatus !== current.paymentStatus &&
    !NEXT_PAYMENT[current.paymentStatus].includes(next.paymentStatus)
  ) {
    return `a payment can't go from ${current.paymentStatus} to ${next.paymentStatus}`;
  }
  if (current.paymentStatus !== "PAID" && current.paymentStatus !== "REFUNDED") return null;
  const frozen = amountsOf(current);
  const proposed = amountsOf(next);
  for (const field of FROZEN_WHEN_PAID) {
    if (canonicalJson(frozen[field]) !== canonicalJson(proposed[field])) return `${field} of a paid order can't change`;
  }
  return null;
}

/** What is frozen, with the defaults that some devices leave out written out. */
function amountsOf({
  items,
  subtotal,
  tax,
  discount,
  total,
  tip,
  payments,
}: Order): Record<(typeof FROZEN_WHEN_PAID)[number], unknown> {
  const written = items.map((item) => ({ ...item, modifiers: item.modifiers ?? [], discount: item.discount ?? 0 }));
  return { items: written, subtotal, tax, discount: discount ?? 0, total, tip: tip ?? 0, payments: payments ?? [] };
}

/** Totals of a merged order. Where neither items nor discount changed the server's stand, as whoever made them rounded them. */
export function deriveOrder(order: Order, server: Order, local: Order): Order {
  const same = (field: "items" | "discount"): boolean =>
    canonicalJson(order[field] ?? null) === canonicalJson(server[field] ?? null);
  if (same("items") && same("discount")) return order;
  const { subtotal, tax, total } = orderTotals(
    order.items,
    order.discount ?? 0,
    taxModeOf(server) ?? taxModeOf(local) ?? "exclusive",
    order.taxRounding ?? "HALF_UP",
  );
  return { ...order, subtotal, tax, total };
}

export const orders = defineCollection<Order>({
  name: "orders",
  schema: orderSchema,
  uniqueBy: "orderNumber",
  guard: guardOrder,
  keep: keepOfOrder,
  derive: deriveOrder,
  derivedFields: ["subtotal", "tax", "total"],
});
