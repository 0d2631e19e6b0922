/** What customer displays show: one record for each register, bearing its device id, that only this register writes. */
import * as z from "zod/mini";
import { defineCollection } from "../collection.ts";
import { idSchema } from "../messages.ts";
import { moneySchema, timeSchema } from "./fields.ts";

export const cartSchema = z.looseObject({
  /** The register's device id, and the record's localId. */
  id: idSchema,
  registerName: z.string(),
  state: z.enum(["idle", "selling", "paying", "paid"]),
  lines: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      quantity: z.int(),
      /** After the line's discount. */
      amount: moneySchema,
      details: z.nullish(z.array(z.string())),
    }),
  ),
  subtotal: moneySchema,
  tax: moneySchema,
  discount: moneySchema,
  tip: z.nullish(moneySchema),
  total: moneySchema,
  /** Once paid: what the customer gets back. */
  change: z.nullish(moneySchema),
  updatedAt: timeSchema,
});
export type MirroredCart = z.infer<typeof cartSchema>;

export const carts = defineCollection<MirroredCart>({
  name: "carts",
  schema: cartSchema,
  // The register that wrote it last is the one that is right.
  policy: "CLIENT_WINS",
  writableBy: ["register"],
});
