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

/** @returns the new shop; null: there is one already */
export async function openFirstShop(
  parts: { readonly shops: ShopStore; readonly accept: Accept; readonly feed: Feed; readonly newId: () => string },
  template: ShopTemplate,
): Promise<Shop | null> {
  const { shops, accept, feed, newId } = parts;
  if ((await shops.list()).length > 0) return null;
  const shop = { storeId: newId(), name: template.name };
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
