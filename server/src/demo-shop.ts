/** Corner Café: the shop of a first start. */
import type { ModifierGroup, Product, Settings, StaffMember } from "@tillwire/protocol/pos/catalogue";
import { SETTINGS_ID } from "@tillwire/protocol/pos/catalogue";
import type { ShopTemplate } from "./first-shop.ts";

const STANDARD_RATE = 0.08;
const REDUCED_RATE = 0.025;

const settings: Settings = {
  id: SETTINGS_ID,
  name: "Corner Café",
  currency: "EUR",
  language: "en",
  taxMode: "inclusive",
  taxRates: [
    { id: "standard", name: "Standard", rate: STANDARD_RATE },
    { id: "reduced", name: "Reduced", rate: REDUCED_RATE },
  ],
  receiptHeader: ["Corner Café", "1 Market Square", "Thank you for your visit"],
};

const staff: StaffMember[] = [
  { id: "sam", name: "Sam", role: "manager", isActive: true },
  { id: "alex", name: "Alex", role: "cashier", isActive: true },
  { id: "robin", name: "Robin", role: "cashier", isActive: true },
];

const MILK: ModifierGroup = {
  ...{ id: "milk", name: "Milk", min: 1, max: 1 },
  options: [
    { id: "whole", name: "Whole milk" },
    { id: "skimmed", name: "Skimmed milk" },
    { id: "oat", name: "Oat milk", price: 0.5 },
    { id: "almond", name: "Almond milk", price: 0.6 },
  ],
};
const COFFEE_EXTRAS: ModifierGroup = {
  ...{ id: "coffee-extras", name: "Extras", min: 0, max: 3 },
  options: [
    { id: "extra-shot", name: "Extra shot", price: 0.8 },
    { id: "decaf", name: "Decaf" },
    { id: "vanilla", name: "Vanilla syrup", price: 0.6 },
    { id: "caramel", name: "Caramel syrup", price: 0.6 },
  ],
};
const BAGEL_FILLING: ModifierGroup = {
  ...{ id: "filling", name: "Filling", min: 1, max: 2 },
  options: [
    { id: "cream-cheese", name: "Cream cheese" },
    { id: "salmon", name: "Smoked salmon", price: 2.5 },
    { id: "hummus", name: "Hummus" },
    { id: "egg", name: "Egg", price: 1 },
  ],
};
const SALAD_EXTRAS: ModifierGroup = {
  ...{ id: "salad-extras", name: "Extras", min: 0, max: 2 },
  options: [
    { id: "chicken", name: "Grilled chicken", price: 2.9 },
    { id: "no-croutons", name: "No croutons" },
    { id: "dressing-aside", name: "Dressing on the side" },
  ],
};

function sizes(small: number, regular: number, large: number): Product["variations"] {
  return [
    { id: "small", name: "Small", price: small },
    { id: "regular", name: "Regular", price: regular },
    { id: "large", name: "Large", price: large },
  ];
}

/** What some products are sold as, by their id. The price of those with sizes is the regular one's. */
const details: Readonly<Record<string, Partial<Product>>> = {
  espresso: { isFavourite: true },
  americano: { modifierGroups: [COFFEE_EXTRAS] },
  cappuccino: { isFavourite: true, variations: sizes(3.4, 3.9, 4.5), modifierGroups: [MILK, COFFEE_EXTRAS] },
  "flat-white": { isFavourite: true, modifierGroups: [MILK, COFFEE_EXTRAS] },
  latte: { isFavourite: true, variations: sizes(3.6, 4.1, 4.7), modifierGroups: [MILK, COFFEE_EXTRAS] },
  "hot-chocolate": { modifierGroups: [MILK] },
  "still-water": { isFavourite: true },
  croissant: { isFavourite: true },
  bagel: { modifierGroups: [BAGEL_FILLING] },
  "caesar-salad": { modifierGroups: [SALAD_EXTRAS] },
  "soup-of-the-day": {
    variations: [
      { id: "cup", name: "Cup", price: 4.9 },
      { id: "bowl", name: "Bowl", price: 6.9 },
    ],
  },
};

interface Category {
  readonly id: string;
  readonly name: string;
  readonly taxRate: number;
  /** Name and price. */
  readonly products: readonly (readonly [string, number])[];
}

const catalogue: readonly Category[] = [
  {
    id: "coffee",
    name: "Coffee",
    taxRate: STANDARD_RATE,
    products: [
      ["Espresso", 2.6],
      ["Double Espresso", 3.2],
      ["Americano", 3.3],
      ["Cappuccino", 3.9],
      ["Flat White", 4.2],
      ["Latte", 4.1],
      ["Mocha", 4.6],
      ["Cortado", 3.5],
      ["Filter Coffee", 3],
      ["Cold Brew", 4.4],
    ],
  },
  {
    id: "tea",
    name: "Tea & Chocolate",
    taxRate: STANDARD_RATE,
    products: [
      ["English Breakfast", 3],
      ["Earl Grey", 3],
      ["Green Tea", 3.1],
      ["Mint Tea", 3.2],
      ["Chai Latte", 4.2],
      ["Matcha Latte", 4.8],
      ["Hot Chocolate", 4],
    ],
  },
  {
    id: "cold",
    name: "Cold Drinks",
    taxRate: STANDARD_RATE,
    products: [
      ["Still Water", 2.2],
      ["Sparkling Water", 2.4],
      ["Orange Juice", 3.8],
      ["Apple Juice", 3.4],
      ["Homemade Lemonade", 3.9],
      ["Iced Tea", 3.5],
      ["Kombucha", 4.5],
    ],
  },
  {
    id: "bakery",
    name: "Bakery",
    taxRate: REDUCED_RATE,
    products: [
      ["Croissant", 2.4],
      ["Pain au Chocolat", 2.8],
      ["Cinnamon Roll", 3.4],
      ["Blueberry Muffin", 3.2],
      ["Banana Bread", 3.3],
      ["Carrot Cake", 4.4],
      ["Cheesecake", 4.8],
      ["Cookie", 2.2],
    ],
  },
  {
    id: "food",
    name: "Food",
    taxRate: REDUCED_RATE,
    products: [
      ["Bagel", 5.5],
      ["Avocado Toast", 8.9],
      ["Ham & Cheese Toastie", 6.8],
      ["Granola Bowl", 6.5],
      ["Soup of the Day", 6.9],
      ["Quiche", 6.4],
      ["Caesar Salad", 9.5],
      ["Club Sandwich", 8.2],
    ],
  },
];

function productsOf({ id: categoryId, name: categoryName, taxRate, products }: Category): Product[] {
  return products.map(([name, price]) => {
    const id = name.toLowerCase().replace(/[^a-z]+/g, "-");
    const sold = { sku: id.toUpperCase(), price, categoryId, categoryName, taxRate, ...details[id] };
    return { id, name, ...sold, isActive: true };
  });
}

export const DEMO_SHOP: ShopTemplate = {
  name: settings.name,
  records: [
    { collection: "settings", data: settings },
    ...staff.map((data) => ({ collection: "staff", data })),
    ...catalogue.flatMap(productsOf).map((data) => ({ collection: "products", data })),
  ],
};
