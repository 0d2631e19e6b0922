/** Shifts: one drawer of cash, from its opening float to the count at its end. Its movements are the transactions that bear its id. */
import * as z from "zod/mini";
import { defineCollection } from "../collection.ts";
import { canonicalJson } from "../hash.ts";
import { idSchema } from "../messages.ts";
import { moneySchema, personSchema, timeSchema } from "./fields.ts";

export const shiftSchema = z.looseObject({
  id: idSchema,
  /** The register whose drawer it is. */
  deviceId: idSchema,
  registerName: z.string(),
  state: z.enum(["open", "closed"]),
  openedAt: timeSchema,
  openedBy: personSchema,
  /** Cash in the drawer at the beginning. */
  float: moneySchema,
  closedAt: z.nullish(timeSchema),
  closedBy: z.nullish(personSchema),
  /** The how many-eth closed shift of this register it is, from 1 on: the number of its Z report. */
  number: z.nullish(z.int().check(z.gte(1))),
  /** Cash that should have been there, that was, and the latter minus the former. */
  expected: z.nullish(moneySchema),
  counted: z.nullish(moneySchema),
  difference: z.nullish(moneySchema),
  /** Who accepted the difference. */
  authorisedBy: z.nullish(personSchema),
  notes: z.nullish(z.string()),
});
export type Shift = z.infer<typeof shiftSchema>;

const FROZEN = ["deviceId", "openedAt", "openedBy", "float"] as const;

/** A shift is never deleted, begins once and ends once: what was counted stays. */
export function guardShift(current: Shift | null, next: Shift | null): string | null {
  if (!next) return current ? "a shift is never deleted" : null;
  if (next.state === "closed" && (next.closedAt == null || next.counted == null)) return "a closed shift was counted";
  if (!current) return null;
  if (current.state === "closed" && canonicalJson(current) !== canonicalJson(next))
    return "a closed shift can't change";
  for (const field of FROZEN)
    if (canonicalJson(current[field]) !== canonicalJson(next[field])) return `${field} of a shift can't change`;
  return null;
}

export const shifts = defineCollection<Shift>({ name: "shifts", schema: shiftSchema, guard: guardShift });
