/** Transactions: movements of money. What is completed stays, but for being reversed. */
import * as z from "zod/mini";
import { defineCollection } from "../collection.ts";
import { canonicalJson } from "../hash.ts";
import { idSchema } from "../messages.ts";
import { keepOfTransaction } from "./kept-members.ts";
import { moneySchema, numberTextSchema, paymentMethodSchema, personSchema, timeSchema } from "./fields.ts";

export const transactionSchema = z.looseObject({
  id: idSchema,
  referenceNumber: numberTextSchema,
  orderId: z.nullish(z.string()),
  orderNumber: z.nullish(z.string()),
  type: z.enum(["SALE", "REFUND", "CASH_IN", "CASH_OUT", "VOID", "ADJUSTMENT"]),
  amount: moneySchema,
  paymentMethod: paymentMethodSchema,
  status: z.enum(["PENDING", "COMPLETED", "FAILED", "REVERSED"]),
  userId: z.string(),
  userName: z.string(),
  notes: z.nullish(z.string()),
  /** Part of a payment beyond the order's total; not in `amount`. */
  tip: z.nullish(moneySchema),
  /** Of whose drawer it is. */
  shiftId: z.nullish(z.string()),
  authorisedBy: z.nullish(personSchema),
  createdAt: timeSchema,
  completedAt: z.nullish(timeSchema),
});
export type Transaction = z.infer<typeof transactionSchema>;

const FROZEN_WHEN_COMPLETED = [
  "referenceNumber",
  "orderId",
  "orderNumber",
  "type",
  "amount",
  "paymentMethod",
  "createdAt",
  "tip",
  "shiftId",
] as const;

/** A COMPLETED transaction may only become REVERSED and is never deleted; a REVERSED one stays as it is. */
export function guardTransaction(current: Transaction | null, next: Transaction | null): string | null {
  if (!current || (current.status !== "COMPLETED" && current.status !== "REVERSED")) return null;
  if (!next) return `a ${current.status} transaction is never deleted`;
  if (next.status !== current.status && !(current.status === "COMPLETED" && next.status === "REVERSED")) {
    return `a transaction can't go from ${current.status} to ${next.status}`;
  }
  for (const field of FROZEN_WHEN_COMPLETED) {
    if (canonicalJson(current[field] ?? null) !== canonicalJson(next[field] ?? null))
      return `${field} of a ${current.status} transaction can't change`;
  }
  return null;
}

export const transactions = defineCollection<Transaction>({
  name: "transactions",
  schema: transactionSchema,
  uniqueBy: "referenceNumber",
  appendOnly: true,
  guard: guardTransaction,
  keep: keepOfTransaction,
});
