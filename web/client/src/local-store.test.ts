/** The cases that every local store is put to, on the two that need no browser; web/e2e/local-store.test.ts has the third. */
import "fake-indexeddb/auto";
import { describe, expect, it } from "vitest";
import { openIndexedDb } from "./indexed-db.ts";
import { LOCAL_STORE_CASES } from "./local-store-cases.ts";
import type { LocalStore } from "./local-store.ts";
import { memoryStores } from "./memory-store.ts";

const stores: [string, (name: string) => Promise<LocalStore>][] = [
  ["memory", memoryStores()],
  ["IndexedDB", openIndexedDb],
];
const check = { equal: (actual: unknown, expected: unknown) => expect(actual).toEqual(expected) };

describe.each(stores)("%s", (_name, open) => {
  it.each(Object.entries(LOCAL_STORE_CASES))("%s", (_what, run) => run(open, check));
});
