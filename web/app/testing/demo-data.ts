/** A shop for the preview: 40 products in 5 categories, 30 orders of 3 registers. */
import type { PresentDevice } from "@tillwire/protocol/messages";
import type { Product, Settings } from "@tillwire/protocol/pos/catalogue";
import type { Order, OrderItem } from "@tillwire/protocol/pos/orders";
import { orderTotals } from "@tillwire/protocol/pos/totals";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import { soldProduct } from "../register/sell/cart.ts";

export const SHOP: Settings = {
  id: "shop",
  name: "Harbour Street Coffee & Books",
  currency: "EUR",
  language: "en-IE",
  taxMode: "inclusive",
  taxRates: [{ id: "standard", name: "VAT", rate: 0.2 }],
  receiptHeader: ["14 Harbour Street, Galway", "VAT IE 1234567T"],
};

const MENU: Record<string, readonly [string, number][]> = {
  "Hot drinks": [
    ["Espresso", 2.4],
    ["Double espresso", 3],
    ["Americano", 3.1],
    ["Cappuccino", 3.7],
    ["Flat white", 3.8],
    ["Caffè latte", 3.9],
    ["Mocha", 4.2],
    ["Hot chocolate", 4],
    ["Pot of breakfast tea", 3.2],
    ["Fresh mint tea", 3.4],
  ],
  "Cold drinks": [
    ["Iced latte", 4.3],
    ["Cold brew", 4.1],
    ["Lemonade, homemade", 3.6],
    ["Sparkling water 0.33 l", 2.2],
    ["Orange juice, freshly pressed", 4.6],
    ["Elderflower spritz", 4.4],
    ["Kombucha ginger", 4.8],
    ["Iced tea peach", 3.7],
  ],
  Bakery: [
    ["Butter croissant", 2.6],
    ["Almond croissant", 3.4],
    ["Cinnamon roll", 3.5],
    ["Banana bread", 3.2],
    ["Lemon drizzle cake", 3.9],
    ["Chocolate brownie", 3.6],
    ["Scone with jam and clotted cream", 4.9],
    ["Carrot cake", 4.2],
    ["Sourdough loaf", 5.8],
  ],
  Kitchen: [
    ["Ham & cheese toastie", 7.9],
    ["Avocado on sourdough", 9.5],
    ["Soup of the day", 6.9],
    ["Granola with yoghurt and berries", 7.2],
    ["Smoked salmon bagel", 10.5],
    ["Quiche with salad", 9.9],
    ["Halloumi wrap", 9.4],
  ],
  "Beans & gifts": [
    ["House espresso beans 250 g", 9.8],
    ["Ethiopia filter beans 250 g", 12.4],
    ["Enamel mug", 14],
    ["Gift card 25", 25],
    ["Tote bag", 11.5],
    ["Paper filters, 100", 5.2],
  ],
};

const MILK = {
  ...{ id: "milk", name: "Milk", min: 1, max: 1 },
  options: [
    { id: "whole", name: "Whole milk" },
    { id: "oat", name: "Oat milk", price: 0.5 },
    { id: "almond", name: "Almond milk", price: 0.6 },
  ],
};
const EXTRAS = {
  ...{ id: "extras", name: "Extras", min: 0, max: 2 },
  options: [
    { id: "shot", name: "Extra shot", price: 0.8 },
    { id: "vanilla", name: "Vanilla syrup", price: 0.6 },
    { id: "decaf", name: "Decaf" },
  ],
};
const DETAILS: Readonly<Record<string, Partial<Product>>> = {
  Espresso: { isFavourite: true },
  Cappuccino: {
    isFavourite: true,
    variations: [
      { id: "s", name: "Small", price: 3.2 },
      { id: "m", name: "Regular", price: 3.7 },
      { id: "l", name: "Large", price: 4.4 },
    ],
    modifierGroups: [MILK, EXTRAS],
  },
  "Flat white": { isFavourite: true, modifierGroups: [MILK] },
  "Butter croissant": { isFavourite: true },
};

export function demoProducts(): Product[] {
  let count = 0;
  return Object.entries(MENU).flatMap(([categoryName, entries], category) =>
    entries.map(([name, price]) => ({
      id: `p${++count}`,
      name,
      price,
      sku: `S-${100 + count}`,
      barcode: `40012345${1000 + count}`,
      categoryId: `c${category}`,
      categoryName,
      taxRate: category === 2 ? 0.1 : 0.2,
      isActive: true,
      ...DETAILS[name],
    })),
  );
}

export const DEVICES: readonly PresentDevice[] = (["Front counter", "Terrace", "Book corner"] as const).map(
  (name, index) => ({
    deviceId: `d${index + 1}`,
    name,
    role: "register",
    online: index < 2,
    cursor: 120,
    pending: 0,
    lastSeenAt: 1_767_225_612_000,
    clockOffsetMs: 3,
  }),
);
const CODES = ["A1", "B2", "C3"];

/** The `index`-th order before `now`; every figure follows from the index, so that screenshots are alike. */
export function demoOrder(
  index: number,
  now: number,
  products: readonly Product[],
): { order: Order; transaction: Transaction | null; deviceId: string } {
  const device = (index * 7) % 3;
  const createdAt = now - index * 5 * 60_000 - ((index * 37) % 60) * 1000;
  const items: OrderItem[] = Array.from({ length: 1 + (index % 4) }, (_, line) => {
    const product = products[(index * 5 + line * 11) % products.length] as Product;
    return {
      id: `i${index}-${line}`,
      product: soldProduct(product),
      quantity: 1 + ((index + line) % 3),
      modifiers: [],
    };
  });
  const totals = orderTotals(items, 0, SHOP.taxMode);
  const kind = index === 2 || index === 9 ? "open" : index === 12 ? "refunded" : index === 17 ? "cancelled" : "paid";
  const id = `o${index}`;
  const orderNumber = `${CODES[device]}-${String(460 - index).padStart(6, "0")}`;
  const order: Order = {
    id,
    orderNumber,
    items,
    ...totals,
    paymentMethod: kind === "open" || kind === "cancelled" ? "OTHER" : index % 2 ? "CARD" : "CASH",
    paymentStatus: kind === "paid" ? "PAID" : kind === "refunded" ? "REFUNDED" : "PENDING",
    orderStatus: ({ open: "PENDING", refunded: "REFUNDED", cancelled: "CANCELLED", paid: "COMPLETED" } as const)[kind],
    notes: index === 2 ? "Table 4, oat milk for both" : null,
    createdAt,
    completedAt: kind === "paid" ? createdAt : null,
  };
  const transaction: Transaction | null =
    kind === "paid" || kind === "refunded"
      ? {
          id: `t${index}`,
          referenceNumber: `${CODES[device]}-T${460 - index}`,
          orderId: id,
          orderNumber,
          type: "SALE",
          amount: totals.total,
          paymentMethod: order.paymentMethod,
          status: "COMPLETED",
          userId: `d${device + 1}`,
          userName: DEVICES[device]?.name ?? "",
          createdAt,
        }
      : null;
  return { order, transaction, deviceId: `d${device + 1}` };
}
