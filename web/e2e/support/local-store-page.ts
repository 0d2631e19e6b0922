/** In the page: the cases of the local store, run by name on the browser's own IndexedDB. */
import { openIndexedDb } from "../../client/src/indexed-db.ts";
import { LOCAL_STORE_CASES } from "../../client/src/local-store-cases.ts";

/** As far as stored values go: what structured cloning keeps, without dates and the like. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  const [mine, theirs] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    mine.length === theirs.size &&
    mine.every(([key, each]) => theirs.has(key) && isEqual(each, theirs.get(key)))
  );
}

const check = {
  equal(actual: unknown, expected: unknown): void {
    if (!isEqual(actual, expected)) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
  },
};

/** @returns what went wrong; empty: nothing */
async function runCase(name: string): Promise<string> {
  try {
    await LOCAL_STORE_CASES[name]!(openIndexedDb, check);
    return "";
  } catch (error) {
    return String(error instanceof Error ? error.stack : error);
  }
}

Object.assign(globalThis, { runCase, isEqual });
