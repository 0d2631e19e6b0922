/** Search that forgives a slip in each word, for when nothing is spelt as it was typed. Loaded after the start: `import("./fuzzy.ts")`. */
import uFuzzy from "@leeoniya/ufuzzy";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import { fold, type CatalogueIndex } from "./catalogue-index.ts";

/** With more than this, who searches types on: sorting them would cost the keystroke its time. */
const SORTED_AT_MOST = 300;
const SHORTEST = 3;
/** A letter too many, too few, swapped or wrong; in any script. */
const fuzzy = new uFuzzy({
  intraMode: 1,
  unicode: true,
  interSplit: "[^\\p{L}\\d']+",
  intraSplit: "\\p{Ll}\\p{Lu}",
  intraBound: "\\p{L}\\d|\\d\\p{L}|\\p{Ll}\\p{Lu}",
  intraChars: "[\\p{L}\\d']",
  intraContr: "'\\p{L}{1,2}\\b",
});
const texts = new WeakMap<CatalogueIndex, string[]>();

/** @returns best first; empty for searches of one or two letters */
export function searchFuzzily(index: CatalogueIndex, search: string): readonly Product[] {
  const wanted = squeezed(fold(search.trim()));
  if (wanted.length < SHORTEST) return [];
  const text = textsOf(index);
  const found = fuzzy.filter(text, wanted) ?? [];
  const productAt = (at: number) => index.products[at]!.product;
  if (found.length === 0 || found.length > SORTED_AT_MOST) return found.map(productAt);
  const info = fuzzy.info(found, text, wanted);
  return fuzzy.sort(info, text, wanted).map((place) => productAt(info.idx[place]!));
}

/** Double letters are where most slips happen: they count as one. */
function squeezed(text: string): string {
  return text.replace(/(\p{L})\1+/gu, "$1");
}

function textsOf(index: CatalogueIndex): string[] {
  const known = texts.get(index);
  if (known) return known;
  const made = index.products.map(({ name, category }) => squeezed(`${name} ${category}`));
  texts.set(index, made);
  return made;
}
