/** How shops open: they are made, their devices enrolled, and what they begin with is there. */
import { hashOf } from "@tillwire/protocol/hash";
import { STOCK, stock } from "./shop.ts";
import type { World } from "./world.ts";

export async function openShops(world: World): Promise<void> {
  const { plan, nodes, machines, administration } = world;
  const { shops } = nodes[0]!.node!;
  for (let i = 0; i < plan.shops; i++) {
    await shops.create({ storeId: `shop-${i}`, name: `Shop ${i}` }, `epoch-${i}`);
    if (Object.keys(plan.policies ?? {}).length > 0) await shops.setPolicies(`shop-${i}`, plan.policies!, "admin");
  }
  for (const machine of machines) await administration.enrol(machine, `device-${machine.name}`);
  for (let i = 0; i < plan.shops; i++) await stockUp(world, i);
}

/** What is there when the shop opens, so that from then on people only move it. */
async function stockUp({ machines, nodes }: World, shop: number): Promise<void> {
  const identity = machines.find(({ plan }) => plan.shop === shop && plan.role === "register")?.identity;
  if (!identity) return;
  const { storeId, deviceId, role } = identity;
  const writes = STOCK.map((data) => ({
    write: {
      ...{ collection: stock.name, localId: data.id, op: "put", syncVersion: 1 },
      ...{ base: { version: 0, hash: null }, hash: hashOf(data), data },
    },
  }));
  await nodes[0]!.node!.accept.submit({ storeId, deviceId, role }, `epoch-${shop}`, writes);
}
