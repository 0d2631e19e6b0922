/** A large catalogue, the same one for the same seed. */
import { fromCents } from "@tillwire/protocol/money";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import { createRandom } from "./orders.ts";

const FIRST = [
  "Alpine",
  "Blue",
  "Classic",
  "Double",
  "Early",
  "Fine",
  "Garden",
  "Heavy",
  "Iron",
  "Juicy",
  "Kind",
  "Long",
];
const SECOND = [
  "Apple",
  "Bread",
  "Candle",
  "Drill",
  "Envelope",
  "Filter",
  "Glove",
  "Hammer",
  "Ink",
  "Jacket",
  "Kettle",
  "Lamp",
];
const CATEGORIES = ["Food", "Household", "Tools", "Paper", "Clothes", "Light"];

export interface ProductSource {
  next(): Product;
}

export function createProductSource(seed: number): ProductSource {
  const random = createRandom(seed);
  const oneOf = (words: readonly string[]): string => words[Math.floor(random() * words.length)]!;
  let made = 0;
  return {
    next() {
      made += 1;
      const category = oneOf(CATEGORIES);
      return {
        id: `product-${made}`,
        name: `${oneOf(FIRST)} ${oneOf(SECOND)} ${made}`,
        sku: `SKU-${made}`,
        barcode: String(4_000_000_000_000 + made),
        price: fromCents(50 + Math.floor(random() * 5_000)),
        categoryId: category.toLowerCase(),
        categoryName: category,
        taxRate: 0.08,
      };
    },
  };
}
