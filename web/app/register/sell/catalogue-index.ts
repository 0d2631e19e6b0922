/** Search over the catalogue: texts are folded once, when a product arrives; a keystroke only compares them. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Product } from "@tillwire/protocol/pos/catalogue";

export interface IndexedProduct {
  readonly product: Product;
  readonly hash: string;
  readonly name: string;
  readonly category: string;
  /** Stock number and barcode, for the search that is one of them exactly. */
  readonly codes: readonly string[];
  /** Everything that can be searched for, folded. */
  readonly text: string;
}
export interface CatalogueIndex {
  /** By category, then name. */
  readonly products: readonly IndexedProduct[];
  readonly categories: readonly string[];
  readonly byId: ReadonlyMap<string, IndexedProduct>;
}
export const EMPTY_INDEX: CatalogueIndex = { products: [], categories: [], byId: new Map() };

const ACCENTS = /\p{M}/gu;

/** Lower case without accents: "Café" is found by "cafe". */
export function fold(text: string): string {
  return text.normalize("NFD").replace(ACCENTS, "").toLowerCase();
}

/** @param previous its folded texts are taken over for products that did not change */
export function indexCatalogue(
  records: readonly ReplicaRecord<Product>[],
  previous: CatalogueIndex = EMPTY_INDEX,
): CatalogueIndex {
  const byId = new Map<string, IndexedProduct>();
  for (const { localId, hash, data } of records) {
    if (data.isActive === false) continue;
    const known = previous.byId.get(localId);
    byId.set(localId, known?.hash === hash ? known : indexProduct(data, hash));
  }
  const products = [...byId.values()].sort((a, b) => compare(a.category, b.category) || compare(a.name, b.name));
  const categories = new Set<string>();
  for (const { product } of products) if (product.categoryName) categories.add(product.categoryName);
  return { products, categories: [...categories], byId };
}

/**
 * All words must occur. Best first: code typed in full, then names that begin with the search, then any word that does, then the rest.
 * @param category only products of it; null: all
 */
export function searchCatalogue(index: CatalogueIndex, search: string, category: string | null): readonly Product[] {
  const wanted = fold(search.trim());
  const words = wanted.split(/\s+/).filter((word) => word !== "");
  const ranks: Product[][] = [[], [], [], []];
  const atWord = ` ${wanted}`;
  for (const entry of index.products) {
    if (category !== null && entry.product.categoryName !== category) continue;
    if (!words.every((word) => entry.text.includes(word))) continue;
    ranks[rankOf(entry, wanted, atWord)]?.push(entry.product);
  }
  return ranks.flat();
}

/** The product with exactly this barcode or stock number; with and without the zero that makes a 12-digit code one of 13. */
export function productByCode(index: CatalogueIndex, code: string): Product | undefined {
  const wanted = fold(code.trim());
  const same = new Set([wanted, `0${wanted}`, ...(wanted.startsWith("0") ? [wanted.slice(1)] : [])]);
  return index.products.find(({ codes }) => codes.some((each) => each !== "" && same.has(each)))?.product;
}

function rankOf({ codes, name }: IndexedProduct, wanted: string, atWord: string): number {
  if (wanted === "") return 3;
  if (codes.includes(wanted)) return 0;
  if (name.startsWith(wanted)) return 1;
  return name.includes(atWord) ? 2 : 3;
}

function indexProduct(product: Product, hash: string): IndexedProduct {
  const name = fold(product.name);
  const category = fold(product.categoryName ?? "\uffff"); // without a category: last
  const codes = [fold(product.sku ?? ""), product.barcode ?? ""];
  // join, not a template: it makes a flat string at once, where a template would leave that to the first keystroke, for all products
  const text = [name, fold(product.categoryName ?? ""), ...codes].join(" ");
  return { product, hash, name, category, codes, text };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
