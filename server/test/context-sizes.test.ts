/** Small writes about large records: what is known of them never takes more room than there is. */
import { expect, test } from "vitest";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { createAccept } from "../src/accept.ts";
import type { ReplicationStore } from "../src/store/store.ts";
import { memoryBackend } from "./support/store-backends.ts";
import { at, EPOCH, order, put } from "./support/shop-fixture.ts";

const MIB = 1024 * 1024;

test("L2: small edits of records of 200 KB are all decided, a part at a time", async () => {
  const backend = await memoryBackend();
  await backend.openShop("shop");
  for (const device of ["a", "b"]) await backend.enrol("shop", device);
  const sizes: number[] = [];
  const store: ReplicationStore = {
    ...backend.store,
    async readContexts(storeId, queries, maxBytes) {
      const contexts = await backend.store.readContexts(storeId, queries, maxBytes);
      sizes.push(JSON.stringify(contexts).length);
      return contexts;
    },
  };
  const accept = createAccept({ store, collections: SHOP_COLLECTIONS, now: () => 0, onCommitted: () => undefined });
  const push = async (deviceId: string, writes: unknown[]) =>
    (
      await accept.submit(
        { storeId: "shop", deviceId, role: "register" },
        EPOCH,
        writes.map((write) => ({ write })),
      )
    ).results;
  const ids = Array.from({ length: 200 }, (_, i) => `o${i}`);
  const large = (id: string) => order(id, { notes: "x".repeat(200_000) });
  const made = await push(
    "a",
    ids.map((id) => put("orders", id, large(id))),
  );
  const edits = ids.map((id, i) => put("orders", id, order(id, { notes: "edited" }), 2, at(made[i]!)));
  expect((await push("a", edits)).map(({ outcome }) => outcome)).toEqual(ids.map(() => "accepted"));
  // On what each was before.
  const late = ids.map((id, i) => put("orders", id, order(id, { notes: "late" }), 2, at(made[i]!)));
  const results = await push("b", late);
  expect(results.map(({ localId, outcome }) => [localId, outcome])).toEqual(ids.map((id) => [id, "conflict"]));
  expect(sizes.length).toBeGreaterThan(4);
  expect(Math.max(...sizes)).toBeLessThan(17 * MIB);
});

test("writes for a store that is gone are answered", async () => {
  const { store } = await memoryBackend();
  const accept = createAccept({ store, collections: SHOP_COLLECTIONS, now: () => 0, onCommitted: () => undefined });
  const write = put("orders", "o1", order("o1"), 2, { version: 1, hash: "0".repeat(64) });
  const sender = { storeId: "gone", deviceId: "a", role: "register" } as const;
  await expect(accept.submit(sender, EPOCH, [{ write }])).rejects.toMatchObject({ code: "RESET" });
});
