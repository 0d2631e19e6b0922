/** What differs between two values of a record, field by field, for results, conflict records and people. */
import { canonicalJson } from "./hash.ts";
import type { FieldDifference } from "./messages.ts";

/** More than anybody reads; the record keeps both sides whole anyway. */
const MAX_DIFFERENCES = 100;
/** Below a path of this many characters values differ as a whole: each difference repeats its path. */
const MAX_PATH = 256;

/** Of a value in a conflict's fields, and of all its fields together, in characters of JSON. */
const MAX_VALUE_LENGTH = 4 * 1024;
const MAX_TOTAL_LENGTH = 32 * 1024;

type Resolution = FieldDifference["resolution"];

/**
 * Differences in dotted form; members of arrays of objects with an `id` are found by it (`items.3f2a.quantity`), other arrays differ as a
 * whole. A side that is deleted (null) differs in the one field `deleted`. Null and absent are the same.
 */
export function fieldDifferences(local: unknown, server: unknown, resolution: Resolution): FieldDifference[] {
  return allDifferences(local, server, resolution).slice(0, MAX_DIFFERENCES);
}

/** The same, however many there are. */
export function allDifferences(local: unknown, server: unknown, resolution: Resolution): FieldDifference[] {
  if (!isObject(local) || !isObject(server)) {
    if (!isObject(local) && !isObject(server)) return [];
    return [{ field: "deleted", localValue: !isObject(local), serverValue: !isObject(server), resolution }];
  }
  const found: FieldDifference[] = [];
  compareObjects(local, server, "", resolution, found);
  return found;
}

/**
 * The same differences with what would make a conflict too large left out: the sides, which the conflict's record keeps whole, hold it. Values
 * that are large, or the rest once there is no room for more, are null and marked `omitted`; long paths are cut short.
 */
export function boundedDifferences(differences: readonly FieldDifference[]): FieldDifference[] {
  let room = MAX_TOTAL_LENGTH;
  return differences.slice(0, MAX_DIFFERENCES).map((difference) => {
    const field = shortened(difference.field);
    const length = jsonLength(difference.localValue) + jsonLength(difference.serverValue);
    if (field === difference.field && length <= Math.min(MAX_VALUE_LENGTH, room)) {
      room -= length;
      return difference;
    }
    return { field, localValue: null, serverValue: null, resolution: difference.resolution, omitted: true };
  });
}

function jsonLength(value: unknown): number {
  return JSON.stringify(value ?? null).length;
}

function shortened(field: string): string {
  if (field.length <= MAX_PATH) return field;
  // Half a surrogate pair is no text that a database takes.
  return `${field.slice(0, MAX_PATH).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function compareObjects(
  local: Record<string, unknown>,
  server: Record<string, unknown>,
  path: string,
  resolution: Resolution,
  found: FieldDifference[],
): void {
  for (const key of new Set([...Object.keys(local), ...Object.keys(server)])) {
    compare(own(local, key), own(server, key), path === "" ? key : `${path}.${key}`, resolution, found);
  }
}

function compare(
  local: unknown,
  server: unknown,
  field: string,
  resolution: Resolution,
  found: FieldDifference[],
): void {
  if (canonicalJson(local) === canonicalJson(server)) return;
  if (field.length <= MAX_PATH && isObject(local) && isObject(server))
    return compareObjects(local, server, field, resolution, found);
  const localById = field.length <= MAX_PATH ? membersById(local) : null;
  const serverById = membersById(server);
  if (localById && serverById) {
    const before = found.length;
    for (const id of new Set([...localById.keys(), ...serverById.keys()])) {
      compare(localById.get(id) ?? null, serverById.get(id) ?? null, `${field}.${id}`, resolution, found);
    }
    // The same members in another order.
    if (found.length === before) found.push({ field, localValue: local, serverValue: server, resolution });
    return;
  }
  found.push({ field, localValue: local, serverValue: server, resolution });
}

/** The members of an array of objects that all have an own text `id`, each once; null for anything else. */
export function membersById(value: unknown): Map<string, Record<string, unknown>> | null {
  if (!Array.isArray(value)) return null;
  const members = new Map<string, Record<string, unknown>>();
  for (const member of value) {
    const id = isObject(member) ? own(member, "id") : null;
    if (typeof id !== "string" || members.has(id)) return null;
    members.set(id, member as Record<string, unknown>);
  }
  return members;
}

/** An own member, or null: a wire string is never looked up along the prototype chain. */
export function own(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? (object[key] ?? null) : null;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
