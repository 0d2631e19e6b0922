/** The shop that a first start with an empty database opens, so that one can sell at once. Its records come in through accept. */
import { SERVER_DEVICE_ID } from "@tillwire/protocol/conflicts";
import { hashOf } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Write } from "@tillwire/protocol/messages";
import type { Accept } from "./accept.ts";
import type { Feed } from "./feed.ts";
import type { Shop, ShopStore } from "./store/shop-store.ts";

export interface ShopTemplate {
  readonly name: string;
  /** By collection; the localId is the data's `id`. */
  readonly records: readonly { readonly collection: string; readonly data: { readonly id: string } }[];
}

/** Its id while it is being opened, by whichever nodes, so that they open one; DONE once it is whole. */
const SETTING = "first_shop";
const DONE = "done";

/** @returns the new shop; null: there is one already */
export async function openFirstShop(
  parts: { readonly shops: ShopStore; readonly accept: Accept; readonly feed: Feed; readonly newId: () => string },
  template: ShopTemplate,
): Promise<Shop | null> {
  const { shops, accept, feed, newId } = parts;
  const underWay = await shops.readSetting(SETTING);
  if (underWay === DONE || (underWay === null && (await shops.list()).length > 0)) return null;
  const storeId = await shops.keepSetting(SETTING, newId());
  if (storeId === DONE) return null;
  const shop = { storeId, name: template.name };
  await shops.create(shop, newId());
  const { epoch } = await feed.readHead(shop.storeId);
  const writes = template.records.map(({ collection, data }) => ({ write: newRecord(collection, data) }));
  for (let start = 0; start < writes.length; start += LIMITS.pushWrites) {
    const sender = { storeId: shop.storeId, deviceId: SERVER_DEVICE_ID, role: "register" as const };
    const { results } = await accept.submit(sender, epoch, writes.slice(start, start + LIMITS.pushWrites));
    const rejected = results.find(({ outcome }) => outcome === "rejected");
    if (rejected)
      throw new Error(`${rejected.collection}/${rejected.localId} of the first shop: ${rejected.message ?? ""}`);
  }
  await shops.swapSetting(SETTING, storeId, DONE);
  return shop;
}

function newRecord(collection: string, data: { readonly id: string }): Write {
  return {
    collection,
    localId: data.id,
    op: "put",
    syncVersion: 1,
    base: { version: 0, hash: null },
    hash: hashOf(data),
    data,
  };
}
