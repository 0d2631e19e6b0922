/** A database for the tests of a file, and a new shop in it for each of them; what must hold of every shop is checked after each. */
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { expectOneOpenConflictEach, setPolicy } from "./conflict-fixture.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { checkStore, openShop, type Shop } from "./shop-fixture.ts";

/**
 * @param opened is told before each test; hooks that the file adds itself come after that
 * @param ordersPolicy default: what the collection declares
 */
export function openShopForEachTest(
  opened: (here: { readonly database: TestDatabase; readonly shop: Shop }) => void,
  ordersPolicy: ConflictPolicy | null = null,
): void {
  let database: TestDatabase;
  let shop: Shop;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    shop = await openShop(database.sql);
    if (ordersPolicy !== null) await setPolicy(database.sql, shop, ordersPolicy);
    opened({ database, shop });
  });
  afterEach(async () => {
    await checkStore(database.sql, shop.storeId);
    await expectOneOpenConflictEach(database.sql, shop);
  });
}
