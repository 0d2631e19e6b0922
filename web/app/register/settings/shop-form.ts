/** The shop's settings as a form has them, as texts, and back. Pure. */
import type { Settings } from "@tillwire/protocol/pos/catalogue";

export interface RateText {
  readonly id: string;
  name: string;
  percent: string;
}
export interface ShopForm {
  name: string;
  currency: string;
  language: string;
  taxMode: Settings["taxMode"];
  taxRounding: NonNullable<Settings["taxRounding"]>;
  rates: RateText[];
  header: string;
  footer: string;
  tips: string;
  /** null: all of them. */
  kitchen: readonly string[] | null;
}
export type ShopProblem = "NAME" | "CURRENCY" | "RATES" | "TIPS";

export function formOf(shop: Settings): ShopForm {
  const { name, currency, language, taxMode, taxRounding, taxRates, kitchenCategories } = shop;
  return {
    ...{ name, currency, language, taxMode, taxRounding: taxRounding ?? "HALF_UP", kitchen: kitchenCategories ?? null },
    rates: taxRates.map((each) => ({ id: each.id, name: each.name, percent: String(percentOf(each.rate)) })),
    header: shop.receiptHeader.join("\n"),
    footer: (shop.receiptFooter ?? []).join("\n"),
    tips: (shop.tipPercents ?? []).join(", "),
  };
}

/** @returns what is wrong, else the settings, with what this build does not know kept */
export function settingsOf(form: ShopForm, before: Settings): Settings | ShopProblem {
  const name = form.name.trim();
  const currency = form.currency.trim();
  if (!name) return "NAME";
  if (!isCurrency(currency)) return "CURRENCY";
  const taxRates = form.rates.map(({ id, name: rateName, percent }) => ({
    ...before.taxRates.find((each) => each.id === id),
    ...{ id, name: rateName.trim(), rate: rateOf(percent) },
  }));
  if (taxRates.some((each) => !each.name || !isPercent(each.rate * 100))) return "RATES";
  const tipPercents = form.tips
    .split(/[,;\s]+/)
    .filter((text) => text !== "")
    .map(Number);
  if (!tipPercents.every(isPercent)) return "TIPS";
  const { taxMode, taxRounding, language, kitchen: kitchenCategories } = form;
  return {
    ...before,
    ...{ name, currency, language, taxMode, taxRounding, taxRates, tipPercents },
    receiptHeader: linesOf(form.header),
    receiptFooter: linesOf(form.footer),
    kitchenCategories: kitchenCategories && [...kitchenCategories],
  };
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
function percentOf(rate: number): number {
  return Math.round(rate * 1e6) / 1e4;
}
function rateOf(percent: string): number {
  const text = percent.trim().replace(",", ".");
  return /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1e4) / 1e6 : NaN;
}
function isPercent(percent: number): boolean {
  return percent >= 0 && percent <= 100;
}
function isCurrency(currency: string): boolean {
  return /^[A-Z]{3}$/.test(currency);
}
