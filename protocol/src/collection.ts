/**
 * A collection: a named kind of record with its schema, conflict policy, guard and the roles that may write it. Server and
 * devices share the declaration, so that `put()` refuses on the device what the server would reject.
 */
import type * as z from "zod/mini";
import { canonicalForm, sha256Hex, TOMBSTONE_HASH } from "./hash.ts";
import { WriteRejection } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import type { ConflictPolicy, Role } from "./messages.ts";

export interface Collection<T extends object = Record<string, unknown>> {
  readonly name: string;
  /** Loose at every depth: members beyond the schema are kept. It checks only; what is stored is what was sent. */
  readonly schema: z.ZodMiniType<T>;
  readonly policy: ConflictPolicy;
  /** Roles that may write; none: only the server does. */
  readonly writableBy: readonly Role[];
  /** A top-level text member that is unique per store. A taken value is amended, never refused. */
  readonly uniqueBy?: string;
  /** Records that are only ever added: successive writes of one record do not coalesce on the device. */
  readonly appendOnly?: boolean;
  /**
   * Why the step from `current` to `next` must not happen, or null. `current` is null for a new record and, where it is known, the last value
   * of a deleted one; `next` is null for a deletion. Pure; holds on every path.
   */
  readonly guard?: (current: T | null, next: T | null) => string | null;
  /** Recomputes what follows from other members (totals), after a merge; `server` and `local` are the sides of it. Pure. */
  readonly derive?: (data: T, server: T, local: T) => T;
  /** Top-level members that `derive` computes: merging leaves them alone. */
  readonly derivedFields?: readonly string[];
  /**
   * At the seed's door: what a device sent, with those members of the record's value that existing devices know nothing of and leave out.
   * `next` itself where none is missing. Pure.
   */
  readonly keep?: (current: T, next: T) => T;
  /** Numeric members that count: under MERGE both sides' changes are added up. */
  readonly sumFields?: readonly string[];
}

/** A declared collection of whatever record type: guards take their own type, so that only `any` covers them all. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type SomeCollection = Collection<any>;
/** As the set's users know them: records are plain objects. */
export type AnyCollection = Collection<Record<string, unknown>>;
export type CollectionSet = ReadonlyMap<string, AnyCollection>;

const NAME = /^[a-z][a-z0-9_-]{0,63}$/;

/** Declares a collection; policy SERVER_WINS, writable by registers and scripts, unless said otherwise. */
export function defineCollection<T extends object>(
  declaration: Pick<Collection<T>, "name" | "schema"> & Partial<Collection<T>>,
): Collection<T> {
  if (!NAME.test(declaration.name)) throw new Error(`not a collection name: ${declaration.name}`);
  return { policy: "SERVER_WINS", writableBy: ["register", "script"], ...declaration };
}

/** @throws Error when two collections bear one name */
export function collectionSet(collections: readonly SomeCollection[]): CollectionSet {
  const set = new Map<string, AnyCollection>();
  for (const collection of collections) {
    if (set.has(collection.name)) throw new Error(`two collections are called ${collection.name}`);
    set.set(collection.name, collection as AnyCollection);
  }
  return set;
}

export interface CheckedData {
  readonly hash: string;
  /** Canonical text, as hashed; null for a deletion. */
  readonly canonical: string | null;
  /** Whether the canonical text says all of the data: no member was null. */
  readonly isWhole: boolean;
}

/**
 * The checks that a write's data must pass, the same on the device and on the server.
 * @param data null for a deletion
 * @throws WriteRejection SCHEMA, WRITE_TOO_LARGE, or what canonicalJson throws
 */
export function checkData(collection: AnyCollection, data: unknown): CheckedData {
  if (data === null || data === undefined) return { hash: TOMBSTONE_HASH, canonical: null, isWhole: true };
  const { text: canonical, isWhole } = canonicalForm(data);
  if (bytesOf(canonical) > LIMITS.writeBytes)
    throw new WriteRejection("WRITE_TOO_LARGE", `larger than ${LIMITS.writeBytes} bytes`);
  const parsed = collection.schema.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new WriteRejection(
      "SCHEMA",
      `${collection.name}.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
    );
  }
  return { hash: sha256Hex(canonical), canonical, isWhole };
}

/** Bytes of UTF-8, with numbers written out in full: as the database does, where 1e308 takes 309 digits of every frame. */
function bytesOf(canonical: string): number {
  // A UTF-16 unit takes at most three bytes: most texts need no exact count.
  let bytes = canonical.length * 3 <= LIMITS.writeBytes ? canonical.length : new TextEncoder().encode(canonical).length;
  // Texts that look like such numbers count too, which does no harm.
  for (const sign of ["e+", "e-"]) {
    for (let at = canonical.indexOf(sign); at >= 0; at = canonical.indexOf(sign, at + 2)) {
      if (isDigit(canonical, at - 1)) bytes += exponentAt(canonical, at + 2);
    }
  }
  return bytes;
}

function isDigit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 48 && unit <= 57;
}

/** Of at most three digits, as all that numbers have; 0: there is none. */
function exponentAt(text: string, at: number): number {
  let end = at;
  while (end < at + 3 && isDigit(text, end)) end += 1;
  return Number(text.slice(at, end));
}

/** The value of the collection's unique member, or null where there is none. */
export function uniqueValueOf(collection: AnyCollection, data: unknown): string | null {
  if (!collection.uniqueBy || data === null || typeof data !== "object") return null;
  const value = (data as Record<string, unknown>)[collection.uniqueBy];
  return typeof value === "string" ? value : null;
}
