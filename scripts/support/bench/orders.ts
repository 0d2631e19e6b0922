/** The workload: sales of about 1 KB with five lines, the same ones for the same seed. */
import { hashOf } from "@tillwire/protocol/hash";
import type { Write } from "@tillwire/protocol/messages";
import { fromCents } from "@tillwire/protocol/money";
import type { Order } from "@tillwire/protocol/pos/orders";

const PRODUCTS = [
  ["flat-white", "Flat White", 420],
  ["cappuccino", "Cappuccino", 390],
  ["croissant", "Croissant", 240],
  ["club-sandwich", "Club Sandwich", 820],
  ["orange-juice", "Orange Juice", 380],
  ["carrot-cake", "Carrot Cake", 440],
  ["matcha-latte", "Matcha Latte", 480],
  ["quiche", "Quiche", 640],
] as const;
const LINES = 5;
const TAX_RATE = 0.08;
const FIRST_SALE_AT = 1_767_225_600_000;

export interface OrderSource {
  /** The next sale; its id sorts after those before it, as a UUID v7 does. */
  next(): Order;
}

/** @param prefix of the order numbers: no two sources of one shop may share it */
export function createOrderSource(seed: number, prefix: string): OrderSource {
  const random = createRandom(seed);
  let made = 0;
  return {
    next() {
      made += 1;
      const createdAt = FIRST_SALE_AT + made * 1_000;
      const id = orderId(createdAt, random);
      return orderOf(id, `${prefix}-${String(made).padStart(6, "0")}`, createdAt, random);
    },
  };
}

/** mulberry32: small, and the same everywhere. @returns numbers in [0, 1) */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function orderId(createdAt: number, random: () => number): string {
  const hex = (digits: number): string =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  const time = createdAt.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`;
}

function orderOf(id: string, orderNumber: string, createdAt: number, random: () => number): Order {
  const items = Array.from({ length: LINES }, (_, line) => {
    const [productId, name, cents] = PRODUCTS[Math.floor(random() * PRODUCTS.length)]!;
    const product = { id: productId, name, price: fromCents(cents), categoryId: "cafe", taxRate: TAX_RATE };
    return { id: `${id.slice(-12)}-${line}`, product, quantity: 1 + Math.floor(random() * 3), modifiers: [] };
  });
  const cents = items.reduce((sum, { product, quantity }) => sum + Math.round(product.price * 100) * quantity, 0);
  const taxCents = Math.round((cents * TAX_RATE) / (1 + TAX_RATE));
  return {
    id,
    orderNumber,
    items,
    subtotal: fromCents(cents - taxCents),
    tax: fromCents(taxCents),
    discount: 0,
    total: fromCents(cents),
    paymentMethod: random() < 0.5 ? "CARD" : "CASH",
    paymentStatus: "PAID",
    orderStatus: "COMPLETED",
    createdAt,
    completedAt: createdAt,
  };
}

/** As a device sends a new record; default: a sale. */
export function writeOf(data: { readonly id: string }, collection = "orders"): Write {
  const base = { version: 0, hash: null };
  return { collection, localId: data.id, op: "put", syncVersion: 1, base, hash: hashOf(data), data };
}
