/** The twin in memory of shop-store.ts. */
import { MemoryShop, type MemoryDatabase } from "./memory-database.ts";
import type { ShopStore } from "./shop-store.ts";

export function createMemoryShops(database: MemoryDatabase): ShopStore {
  return {
    async create({ storeId, name }, epoch) {
      if (!database.shops.has(storeId)) database.shops.set(storeId, new MemoryShop(storeId, name, epoch));
    },
    list: async () => [...database.shops.values()].map(({ storeId, name }) => ({ storeId, name })),
    readSetting: async (key) => database.settings.get(key) ?? null,
    async keepSetting(key, value) {
      const kept = database.settings.get(key) ?? value;
      database.settings.set(key, kept);
      return kept;
    },
    async swapSetting(key, expected, value) {
      const isExpected = database.settings.get(key) === expected;
      if (isExpected) database.settings.set(key, value);
      return isExpected;
    },
    readDatabaseIdentity: async () => database.identity,
    async readPolicies(storeId) {
      const shop = database.shops.get(storeId)!;
      const set = [...shop.collections].flatMap(([name, { policy }]) => (policy ? [[name, policy] as const] : []));
      return { set: new Map(set), version: shop.policyVersion };
    },
    async setPolicies(storeId, policies) {
      const changed = database.shops.get(storeId)!.setPolicies(new Map(Object.entries(policies)));
      return Object.fromEntries(changed);
    },
  };
}
