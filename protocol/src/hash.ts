/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme) and the hash over it. One deviation that PROTOCOL.md asks for: members
 * that are null are dropped at every depth (array elements stay), so that a client that writes its defaults and one that omits
 * them hash alike.
 */
import { sha256Hex } from "#sha256";
import { WriteRejection } from "./errors.ts";
import { LIMITS } from "./limits.ts";

export { sha256Hex };

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * The canonical text of `value`.
 * @param maxDepth levels of arrays and objects, one within the other
 * @throws WriteRejection JSON_TOO_DEEP, TEXT_INVALID (U+0000, lone surrogate), NUMBER_INVALID (NaN, infinities),
 *   WRITE_MALFORMED (what JSON cannot say: functions, bigint)
 */
export function canonicalJson(value: unknown, maxDepth: number = LIMITS.jsonDepth): string {
  return write(value, maxDepth);
}

export interface CanonicalForm {
  readonly text: string;
  /** Nothing was dropped: the text says all that the value does. */
  readonly isWhole: boolean;
}

/** As canonicalJson. */
export function canonicalForm(value: unknown): CanonicalForm {
  hasDropped = false;
  const text = write(value, LIMITS.jsonDepth);
  return { text, isWhole: !hasDropped };
}

/** Of the text that is being written: writing is one call, which nothing comes between. */
let hasDropped = false;

/** Lower-case hex SHA-256 of the canonical text. Throws as canonicalJson does. */
export function hashOf(value: unknown, maxDepth?: number): string {
  return sha256Hex(canonicalJson(value, maxDepth));
}

/** The hash that every tombstone bears: that of the JSON text `null`. */
export const TOMBSTONE_HASH = sha256Hex("null");

function write(value: unknown, levels: number): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      if (!Number.isFinite(value)) throw new WriteRejection("NUMBER_INVALID", "a number is not finite");
      return Object.is(value, -0) ? "0" : String(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (levels <= 0) throw new WriteRejection("JSON_TOO_DEEP", `nested deeper than ${LIMITS.jsonDepth}`);
      return Array.isArray(value)
        ? writeArray(value, levels - 1)
        : writeObject(value as Record<string, unknown>, levels - 1);
    case "undefined":
      return "null"; // only as an array's element, as JSON.stringify does
    default:
      throw new WriteRejection("WRITE_MALFORMED", `a ${typeof value} is not JSON`);
  }
}

function writeArray(array: readonly unknown[], levels: number): string {
  let text = "[";
  for (let i = 0; i < array.length; i++) text += (i === 0 ? "" : ",") + write(array[i], levels);
  return text + "]";
}

function writeObject(object: Record<string, unknown>, levels: number): string {
  const keys = inOrder(Object.keys(object));
  let text = "{";
  for (const key of keys) {
    const member = object[key];
    if (member === null || member === undefined) {
      hasDropped = true;
      continue;
    }
    text += (text.length === 1 ? "" : ",") + quotedKey(key) + write(member, levels);
  }
  return text + "}";
}

/** As many keys as records have are sorted in place faster than `sort` starts. */
const FEW_KEYS = 32;

/** By UTF-16 code units, the order that RFC 8785 asks for: so do `>` and Array.prototype.sort compare. */
function inOrder(keys: string[]): string[] {
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!;
    let at = i;
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
  return keys;
}

// Neither quotation marks, backslashes and control characters, which are escaped, nor surrogates: nothing to escape or to refuse.
const PLAIN = /^[ !#-[\]-\uD7FF\uE000-\uFFFF]*$/;

/** Records have few kinds of keys: each is quoted once. Bounded, since devices may send any. */
const quotedKeys = new Map<string, string>();
const MAX_QUOTED_KEYS = 1_000;
const LONG_KEY = 40;

/** With the colon behind it. */
function quotedKey(key: string): string {
  const known = quotedKeys.get(key);
  if (known !== undefined) return known;
  const quoted = `${quote(key)}:`;
  if (key.length < LONG_KEY && quotedKeys.size < MAX_QUOTED_KEYS) quotedKeys.set(key, quoted);
  return quoted;
}

function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  // Only texts with escapes can hold U+0000 or a lone surrogate (well-formed JSON.stringify escapes both).
  if (quoted.length !== text.length + 2) checkText(text);
  return quoted;
}

// A surrogate that is not part of a pair; U+0000.
const UNSTORABLE = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function checkText(text: string): void {
  if (UNSTORABLE.test(text)) throw new WriteRejection("TEXT_INVALID", "a text holds U+0000 or half a surrogate pair");
}
