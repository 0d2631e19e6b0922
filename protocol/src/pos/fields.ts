/** Fields that several of the shop's collections share. */
import * as z from "zod/mini";
import { LIMITS } from "../limits.ts";
import { isMoney } from "../money.ts";

/** An amount with at most two decimals, as a JSON number. */
export const moneySchema = z.number().check(z.refine(isMoney, "not an amount with at most two decimals"));
/** Epoch milliseconds; the upper bound is the last time that PostgreSQL and JavaScript both can name. */
export const timeSchema = z.int().check(z.gte(0), z.lte(8_640_000_000_000_000));
export const numberTextSchema = z.string().check(z.minLength(1), z.maxLength(LIMITS.numberLength));
export const paymentMethodSchema = z.enum(["CASH", "CARD", "MOBILE", "GIFT_CARD", "OTHER"]);
export type PaymentMethod = z.infer<typeof paymentMethodSchema>;

/** Who did it, as it was then: the member of staff, or where there are none the device. */
export const personSchema = z.looseObject({ id: z.string(), name: z.string() });
export type Person = z.infer<typeof personSchema>;
