/** What a shop sells with: products, settings, staff. */
import * as z from "zod/mini";
import { defineCollection } from "../collection.ts";
import { idSchema } from "../messages.ts";
import { ROUNDINGS } from "../money.ts";
import { moneySchema } from "./fields.ts";
import { TAX_MODES } from "./totals.ts";

export const modifierGroupSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  min: z.int().check(z.gte(0)),
  max: z.int().check(z.gte(1)),
  options: z.array(z.looseObject({ id: z.string(), name: z.string(), price: z.nullish(moneySchema) })),
});
export type ModifierGroup = z.infer<typeof modifierGroupSchema>;

export const productSchema = z.looseObject({
  id: idSchema,
  name: z.string().check(z.minLength(1), z.maxLength(200)),
  sku: z.nullish(z.string()),
  barcode: z.nullish(z.string()),
  price: moneySchema,
  categoryId: z.nullish(z.string()),
  categoryName: z.nullish(z.string()),
  /** A fraction: 0.08 is 8 %. */
  taxRate: z.nullish(z.number().check(z.gte(0), z.lte(1))),
  isActive: z.nullish(z.boolean()),
  /** One of them is sold, at its own price. */
  variations: z.nullish(z.array(z.looseObject({ id: z.string(), name: z.string(), price: moneySchema }))),
  /** What can be added to it, or must be chosen: at least `min` of a group's options, at most `max`. */
  modifierGroups: z.nullish(z.array(modifierGroupSchema)),
  isFavourite: z.nullish(z.boolean()),
  /** Pieces left; absent: not counted. Every sale and every delivery counts, on whichever register. */
  stock: z.nullish(z.int()),
});
export type Product = z.infer<typeof productSchema>;

/** One record, with the localId `shop`. */
export const settingsSchema = z.looseObject({
  id: idSchema,
  name: z.string(),
  /** ISO 4217. */
  currency: z.string().check(z.regex(/^[A-Z]{3}$/)),
  /** BCP 47. */
  language: z.string(),
  /** Whether prices contain the tax (`inclusive`) or it comes on top. */
  taxMode: z.enum(TAX_MODES),
  /** Of each line's tax. Absent: HALF_UP. */
  taxRounding: z.nullish(z.enum(ROUNDINGS)),
  taxRates: z.array(z.looseObject({ id: z.string(), name: z.string(), rate: z.number().check(z.gte(0), z.lte(1)) })),
  receiptHeader: z.array(z.string()),
  receiptFooter: z.nullish(z.array(z.string())),
  /** Offered when paying. Absent or empty: nobody is asked for a tip. */
  tipPercents: z.nullish(z.array(z.number().check(z.gte(0), z.lte(100)))),
  /** Ids of the categories that the kitchen makes: only their items get tickets. Absent: all; empty: there is no kitchen. */
  kitchenCategories: z.nullish(z.array(z.string())),
});
export type Settings = z.infer<typeof settingsSchema>;
export const SETTINGS_ID = "shop";

export const staffSchema = z.looseObject({
  id: idSchema,
  name: z.string().check(z.minLength(1), z.maxLength(100)),
  /** `pbkdf2-sha256$<iterations>$<salt, base64>$<hash, base64>` */
  pinHash: z.nullish(z.string()),
  role: z.enum(["cashier", "manager"]),
  isActive: z.nullish(z.boolean()),
});
export type StaffMember = z.infer<typeof staffSchema>;

export const products = defineCollection<Product>({
  name: "products",
  schema: productSchema,
  // Registers that sold while offline both changed the pieces left, and neither change may be lost. What else they changed (one the
  // price, another the name) goes together as well.
  policy: "MERGE",
  sumFields: ["stock"],
});
export const settings = defineCollection<Settings>({
  name: "settings",
  schema: settingsSchema,
});
export const staff = defineCollection<StaffMember>({
  name: "staff",
  schema: staffSchema,
});
