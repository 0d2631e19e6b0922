/** Open conflicts on real devices against the real server, over every link: who sees what, who settles, and that nothing vanishes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { startFaultProxy, type FaultProxy } from "../../../scripts/support/fault-proxy.ts";
import type { ReplicaRecord } from "../src/api.ts";
import { newOrder, TestShop, TRANSPORTS, until, type TestDevice, type TransportName } from "./support/shop.ts";

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.open();
});
afterAll(() => shop.close());
beforeEach(() => policy("MANUAL"));

const policy = (orders: string | null) => shop.admin("PUT", "/policies", { policies: { orders } });

/** A device whose cable can be pulled. */
interface Cabled {
  readonly device: TestDevice;
  readonly cable: FaultProxy;
}
async function cabled(name: string, transport: TransportName): Promise<Cabled> {
  const cable = await startFaultProxy(shop.port);
  return { device: await shop.device(name, transport, cable.url), cable };
}
async function offline(...all: readonly Cabled[]): Promise<void> {
  for (const { device, cable } of all) {
    await cable.refuse();
    cable.cut();
    await until(device.replica.link$, ({ state }) => state !== "live" && state !== "catching up");
  }
}
/** Back online, one after another, each until it has nothing left to send. */
async function online(...all: readonly Cabled[]): Promise<void> {
  for (const { device, cable } of all) {
    await cable.heal();
    await synced(device);
  }
}
async function synced(...devices: readonly TestDevice[]): Promise<void> {
  for (const { replica } of devices) {
    await until(replica.stats$, ({ pending }) => pending === 0);
    await vi.waitFor(() => replica.syncNow(), { timeout: 20_000 });
    await until(replica.stats$, ({ digestsEqual }) => digestsEqual === true);
  }
}

const noteOf = async (device: TestDevice, id: string) => (await device.orders.get(id))?.data.notes;
async function conflictsOf(device: TestDevice, id: string): Promise<ConflictData[]> {
  const records = await until(
    device.replica.conflicts$,
    (all: readonly ReplicaRecord<ConflictData>[]) => all.length >= 0,
  );
  return records.map(({ data }) => data).filter(({ recordId }) => recordId === id);
}
async function theConflict(device: TestDevice, id: string): Promise<ConflictData> {
  const records = await until(device.replica.conflicts$, (all) => all.some(({ data }) => data.recordId === id));
  const about = records.filter(({ data }) => data.recordId === id);
  expect(about).toHaveLength(1);
  return about[0]!.data;
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  let a: Cabled;
  let b: Cabled;
  let third: TestDevice;
  beforeAll(async () => {
    await policy("MANUAL");
    a = await cabled(`a ${transport}`, transport);
    b = await cabled(`b ${transport}`, transport);
    third = await shop.device(`third ${transport}`, transport);
    await synced(a.device, b.device, third);
  });
  const everybody = (): TestDevice[] => [a.device, b.device, third];

  /** Both edit one order without a network; b comes back first, and a loses. */
  async function clash(): Promise<{ id: string; conflict: ConflictData }> {
    const order = newOrder();
    await a.device.orders.put(order);
    await synced(...everybody());
    await offline(a, b);
    await b.device.orders.put({ ...order, notes: "of b" });
    await a.device.orders.put({ ...order, notes: "of a" });
    await online(b, a);
    await synced(...everybody());
    return { id: order.id, conflict: await theConflict(third, order.id) };
  }
  /** Everything equal again: nobody sees a side of its own any more. */
  async function settled(id: string): Promise<ConflictData> {
    await synced(...everybody());
    await shop.settled(...everybody());
    const conflict = await theConflict(third, id);
    expect(conflict.status).toBe("settled");
    return conflict;
  }

  test("two devices edit offline, each sees what it should, and a third settles", async () => {
    const { id, conflict } = await clash();
    expect(conflict).toMatchObject({
      status: "open",
      policy: "MANUAL",
      client: { deviceId: a.device.identity.deviceId },
    });
    expect(await a.device.orders.get(id)).toMatchObject({
      data: { notes: "of a" },
      sync: "attention",
      conflict: conflict.id,
    });
    for (const device of [b.device, third]) {
      const record = await device.orders.get(id);
      expect(record).toMatchObject({ data: { notes: "of b" }, sync: "synced" });
      expect(record).not.toHaveProperty("conflict");
    }
    await third.replica.settle(conflict.id, "client");
    expect(await settled(id)).toMatchObject({ settlement: "CLIENT", settledBy: third.identity.deviceId });
    for (const device of everybody()) expect(await noteOf(device, id)).toBe("of a");
  });

  test("the server's value stays where a person says so, without another version of it", async () => {
    const { id, conflict } = await clash();
    const before = (await shop.serverOrders()).get(id)!.sync_version;
    await third.replica.settle(conflict.id, "server");
    expect(await settled(id)).toMatchObject({ settlement: "SERVER" });
    expect((await shop.serverOrders()).get(id)!.sync_version).toBe(before);
    expect(await a.device.orders.get(id)).toMatchObject({ data: { notes: "of b" }, sync: "synced" });
  });

  test("two people settle at once: the first one's choice stands, the other's is kept", async () => {
    const { id, conflict } = await clash();
    await Promise.all([b.device.replica.settle(conflict.id, "server"), third.replica.settle(conflict.id, "client")]);
    const { settlement, settledBy, attempts } = await settled(id);
    const thirdWon = settledBy === third.identity.deviceId;
    expect(settlement).toBe(thirdWon ? "CLIENT" : "SERVER");
    for (const device of everybody()) expect(await noteOf(device, id)).toBe(thirdWon ? "of a" : "of b");
    // a choice of what stands already is no attempt at something else
    if (!thirdWon) expect(attempts).toMatchObject([{ deviceId: third.identity.deviceId, data: { notes: "of a" } }]);
  });

  test("one settles without a network, and somebody else before that: both are told what stands", async () => {
    const { id, conflict } = await clash();
    await offline(a);
    const mine = { ...newOrder({ id }), notes: "chosen offline" };
    await a.device.replica.settle(conflict.id, { data: mine });
    expect(await a.device.orders.get(id)).toMatchObject({ data: { notes: "chosen offline" }, sync: "saved" });
    await third.replica.settle(conflict.id, "server");
    await synced(third);
    await online(a);
    expect(await settled(id)).toMatchObject({
      ...{ settlement: "SERVER", settledBy: third.identity.deviceId },
      attempts: [{ deviceId: a.device.identity.deviceId, data: { notes: "chosen offline" } }],
    });
    expect(await a.device.orders.get(id)).toMatchObject({ data: { notes: "of b" }, sync: "synced" });
  });

  test("the record goes on before the choice arrives: the conflict stays open beside the newer value", async () => {
    const { id, conflict } = await clash();
    await offline(a);
    await a.device.replica.settle(conflict.id, "client");
    await third.orders.put({ ...(await third.orders.get(id))!.data, notes: "of third" });
    await synced(third);
    await online(a);
    const { status, server, attempts } = await theConflict(a.device, id);
    expect({ status, server }).toMatchObject({ status: "open", server: { data: { notes: "of third" } } });
    expect(attempts).toHaveLength(1);
    expect(await a.device.orders.get(id)).toMatchObject({ data: { notes: "of a" }, sync: "attention" });
    await a.device.replica.settle(conflict.id, "client");
    expect(await settled(id)).toMatchObject({ settlement: "CLIENT" });
  });

  test("one deletes what another edits, either way round, and bringing it back is an explicit act", async () => {
    const [kept, gone] = [newOrder(), newOrder()];
    await a.device.replica.batch(() => [kept, gone].map((data) => ({ op: "put", collection: "orders", data })));
    await synced(...everybody());
    await offline(a, b);
    await b.device.orders.put({ ...kept, notes: "of b" });
    await b.device.orders.delete(gone.id);
    await a.device.orders.delete(kept.id);
    await a.device.orders.put({ ...gone, notes: "of a" });
    await online(b, a);
    await synced(...everybody());
    expect(await a.device.orders.get(kept.id)).toMatchObject({ data: { notes: "of b" }, sync: "attention" });
    expect(await a.device.orders.get(gone.id)).toMatchObject({ data: { notes: "of a" }, sync: "attention" });
    expect(await third.orders.get(gone.id)).toBeUndefined();
    const [one, two] = [await theConflict(third, kept.id), await theConflict(third, gone.id)];
    expect([one.client.deleted, two.server.deleted, two.kind]).toEqual([true, true, "DELETED_ITEM"]);
    await third.replica.settle(one.id, "client");
    await third.replica.settle(two.id, "client");
    await settled(kept.id);
    for (const device of everybody()) {
      expect(await device.orders.get(kept.id)).toBeUndefined();
      expect(await noteOf(device, gone.id)).toBe("of a");
    }
  });

  test("one id used by two registers: both sales are kept, under every policy", async () => {
    await policy("SERVER_WINS");
    const { id } = newOrder();
    const [ofA, ofB] = [newOrder({ id, notes: "of a" }), newOrder({ id, notes: "of b" })];
    await offline(a, b);
    await a.device.orders.put(ofA);
    await b.device.orders.put(ofB);
    await online(b, a);
    await synced(...everybody());
    const conflict = await theConflict(third, id);
    expect(conflict).toMatchObject({ kind: "ID_TAKEN", status: "open" });
    expect([await noteOf(a.device, id), await noteOf(b.device, id)]).toEqual(["of a", "of b"]);
    const keptAs = await third.replica.settle(conflict.id, "both");
    expect(await settled(id)).toMatchObject({ settlement: "BOTH", keptAs });
    for (const device of everybody())
      expect([await noteOf(device, id), await noteOf(device, keptAs)]).toEqual(["of b", "of a"]);
  });

  test("further edits of the device that lost replace its side, and its last one is what is settled", async () => {
    const { id, conflict } = await clash();
    const { data } = (await a.device.orders.get(id))!;
    for (let i = 1; i <= 5; i++) await a.device.orders.put({ ...data, notes: `of a, ${i}` });
    await synced(...everybody());
    expect(await conflictsOf(third, id)).toMatchObject([
      { id: conflict.id, status: "open", client: { data: { notes: "of a, 5" } } },
    ]);
    await offline(a);
    await a.device.orders.put({ ...data, notes: "of a, last" });
    await a.device.replica.settle(conflict.id, "client");
    await online(a);
    expect(await settled(id)).toMatchObject({ settlement: "CLIENT", client: { data: { notes: "of a, last" } } });
    for (const device of everybody()) expect(await noteOf(device, id)).toBe("of a, last");
  });

  test("what waits is decided by the policy in force when it arrives", async () => {
    const order = newOrder();
    await a.device.orders.put(order);
    await synced(...everybody());
    await offline(a, b);
    await b.device.orders.put({ ...order, notes: "of b" });
    await a.device.orders.put({ ...order, notes: "of a" });
    await policy("SERVER_WINS");
    await online(b, a);
    await synced(...everybody());
    const conflict = await theConflict(third, order.id);
    expect(conflict).toMatchObject({ status: "settled", policy: "SERVER_WINS", settlement: "SERVER" });
    expect(conflict.client.data).toMatchObject({ notes: "of a" });
    await shop.settled(...everybody());
    for (const device of everybody()) expect(await noteOf(device, order.id)).toBe("of b");
  });

  test("every version is found in the record's history", async () => {
    const { id, conflict } = await clash();
    await third.replica.settle(conflict.id, "client");
    await settled(id);
    const { versions, nextBefore } = await third.replica.history("orders", id);
    expect(versions.map(({ data }) => (data as { notes?: string }).notes)).toEqual(["of a", "of b", undefined]);
    expect(nextBefore).toBeNull();
    const settledOnes = await third.replica.history("conflicts", conflict.id);
    expect(settledOnes.versions.map(({ data }) => (data as ConflictData).status)).toEqual(["settled", "open"]);
    await expect(third.replica.history("orders", "none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
