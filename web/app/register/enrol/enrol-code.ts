/** The enrolment code: typed by people, or carried by the fragment of a link. */
import type { Environment } from "../../environment.ts";

export const CODE_LENGTH = 8;

/** What people type around the code (spaces, dashes, small letters) is forgiven. */
export function cleanCode(typed: string): string {
  return typed.replace(/[^a-z0-9]/gi, "").toUpperCase();
}

/** Takes the code out of the address (`#enrol=ABCD2345`), leaving none behind; null: there is none. */
export function takeCode(fragment: Pick<Environment["fragment"], "read" | "write">): string | null {
  const match = /^enrol=([A-Za-z0-9-]+)$/.exec(fragment.read());
  if (!match) return null;
  fragment.write("", true);
  return cleanCode(match[1] ?? "");
}
