/**
 * Three-way merge of a record's data, field by field from the value that both sides started from. Nothing is invented: every value in
 * the result stood on one of the sides, but for members that count (`sumFields`). Where both sides changed one field the server's
 * value stays and the field is listed. Absent and null are the same.
 *
 * Arrays of objects that all have a text `id` are merged member by member; other arrays are one value.
 */
import { isObject, membersById, own } from "./differences.ts";
import { canonicalJson } from "./hash.ts";
import type { FieldDifference } from "./messages.ts";

export interface MergeOptions {
  /** Top-level numeric members that count: both sides' changes are added up. */
  readonly sumFields?: readonly string[];
  /** Top-level members that follow from others: the server's value is taken, to be recomputed by the caller. */
  readonly derivedFields?: readonly string[];
}

export interface Merged {
  readonly data: Record<string, unknown>;
  /** Fields that both sides changed, each to something else. */
  readonly clashes: readonly FieldDifference[];
}

type Data = Record<string, unknown>;

export function mergeData(base: Data, local: Data, server: Data, options: MergeOptions = {}): Merged {
  const clashes: FieldDifference[] = [];
  return { data: mergeObjects(base, local, server, "", clashes, options), clashes };
}

function mergeObjects(
  base: Data,
  local: Data,
  server: Data,
  path: string,
  clashes: FieldDifference[],
  options: MergeOptions,
): Data {
  const merged: Data = {};
  // The server's members first, in their order, then those that only the device has.
  for (const key of new Set([...Object.keys(server), ...Object.keys(local)])) {
    const value = mergeMember(key, own(base, key), own(local, key), own(server, key), path, clashes, options);
    // A null that stands on the chosen side stays a null; an absent member stays absent.
    if (value !== null || Object.hasOwn(server, key)) define(merged, key, value);
  }
  return merged;
}

function mergeMember(
  key: string,
  base: unknown,
  local: unknown,
  server: unknown,
  path: string,
  clashes: FieldDifference[],
  options: MergeOptions,
): unknown {
  if (path === "" && options.derivedFields?.includes(key)) return server;
  if (path === "" && options.sumFields?.includes(key)) return sum(base, local, server, key, clashes);
  return mergeValues(base, local, server, path === "" ? key : `${path}.${key}`, clashes);
}

/**
 * Both sides' changes are added up. Where the member is missing on a side nothing was counted there: it was introduced or given up, which
 * is a change like any other.
 */
function sum(base: unknown, local: unknown, server: unknown, field: string, clashes: FieldDifference[]): unknown {
  if (typeof base !== "number" || typeof local !== "number" || typeof server !== "number")
    return mergeValues(base, local, server, field, clashes);
  if ([base, local, server].every(Number.isInteger)) return server + (local - base);
  // Amounts may have decimals; hundredths are as fine as anything here counts.
  return Math.round((server + local - base) * 100) / 100;
}

function mergeValues(
  base: unknown,
  local: unknown,
  server: unknown,
  field: string,
  clashes: FieldDifference[],
): unknown {
  if (same(local, server) || same(local, base)) return server;
  if (same(server, base)) return local;
  if (isObject(local) && isObject(server))
    return mergeObjects(isObject(base) ? base : {}, local, server, field, clashes, {});
  const localById = membersById(local);
  const serverById = membersById(server);
  const baseById = base === null ? new Map<string, Data>() : membersById(base);
  if (localById && serverById && baseById) return mergeMembers(baseById, localById, serverById, field, clashes);
  clashes.push({ field, localValue: local, serverValue: server, resolution: "SERVER" });
  return server;
}

function mergeMembers(
  base: Map<string, Data>,
  local: Map<string, Data>,
  server: Map<string, Data>,
  field: string,
  clashes: FieldDifference[],
): Data[] {
  const merged = new Map<string, Data>();
  for (const id of new Set([...base.keys(), ...server.keys(), ...local.keys()])) {
    const value = mergeValues(
      base.get(id) ?? null,
      local.get(id) ?? null,
      server.get(id) ?? null,
      `${field}.${id}`,
      clashes,
    );
    if (isObject(value)) merged.set(id, value);
  }
  return orderOf(base, local, server)
    .filter((id) => merged.has(id))
    .map((id) => merged.get(id)!);
}

/**
 * The order of the side that changed which members there are, or their order. Where both did: what was there first, in its order, then
 * what was added, by id (ids made on devices rise with time), so that it does not matter which side is which.
 */
function orderOf(base: Map<string, Data>, local: Map<string, Data>, server: Map<string, Data>): string[] {
  const [before, mine, theirs] = [[...base.keys()], [...local.keys()], [...server.keys()]];
  if (sameIds(theirs, before)) return [...mine, ...theirs.filter((id) => !local.has(id))];
  if (sameIds(mine, before)) return [...theirs, ...mine.filter((id) => !server.has(id))];
  const added = new Set([...mine, ...theirs].filter((id) => !base.has(id)));
  return [...before, ...[...added].sort()];
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

function same(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

/** Defines an own member whatever its name, `__proto__` included. */
function define(object: Data, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
