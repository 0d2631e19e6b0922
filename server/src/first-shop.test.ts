import { expect, test } from "vitest";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { createAccept } from "./accept.ts";
import { DEMO_SHOP } from "./demo-shop.ts";
import { openFirstShop } from "./first-shop.ts";
import { MemoryDatabase } from "./store/memory-database.ts";
import { createMemoryShops } from "./store/memory-shops.ts";
import { createMemoryStore } from "./store/memory-store.ts";

function setUp() {
  const now = (): number => 1_767_225_600_000;
  const database = new MemoryDatabase(now);
  const store = createMemoryStore(database);
  let ids = 0;
  /** @param left writes that it commits before it is killed */
  const node = (left = Infinity) => {
    const accept = createAccept({ store, collections: SHOP_COLLECTIONS, now, onCommitted: () => undefined });
    const submit: typeof accept.submit = (sender, epoch, writes) => {
      if (left === Infinity) return accept.submit(sender, epoch, writes);
      return accept.submit(sender, epoch, writes.slice(0, left)).then(() => Promise.reject(new Error("killed")));
    };
    const feed = { readHead: async (storeId: string) => (await store.readHead(storeId))! };
    return { shops: createMemoryShops(database), accept: { ...accept, submit }, feed, newId: () => `id-${ids++}` };
  };
  const open = (left?: number) =>
    openFirstShop(node(left) as unknown as Parameters<typeof openFirstShop>[0], DEMO_SHOP);
  const contents = () => [...database.shops.values()].map(({ name, head }) => ({ name, head }));
  return { open, contents };
}
const WHOLE = [{ name: DEMO_SHOP.name, head: DEMO_SHOP.records.length }];

test("of nodes that start together with an empty database, one opens the shop", async () => {
  const { open, contents } = setUp();
  await Promise.all([open(), open(), open()]);
  expect(contents()).toEqual(WHOLE);
});

test("a node that was killed while it opened the shop leaves the rest to the next one", async () => {
  const { open, contents } = setUp();
  await expect(open(3)).rejects.toThrow("killed");
  expect(await open()).not.toBeNull();
  expect(contents()).toEqual(WHOLE);
  expect(await open()).toBeNull();
  expect(contents()).toEqual(WHOLE);
});
