/** The same for what nodes keep beside the feed: devices, enrolments, settings, policies, and what existing devices ask for. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { postgresDatabase, type Database } from "../src/store/database.ts";
import { MemoryDatabase } from "../src/store/memory-database.ts";
import { memoryDatabaseServices } from "../src/store/memory-services.ts";
import type { PlannedRow } from "../src/store/store.ts";
import { createTestDatabase } from "./support/database.ts";
import { NONE, plan, positionOf, row } from "./support/plans.ts";

type Services = Pick<Database, "store" | "devices" | "shops" | "enrolments" | "seedQueries">;
interface Opened {
  readonly services: Services;
  close(): Promise<void>;
}

const NOW = 1_767_225_600_000;
const unheard = { listen: async () => ({ unlisten: async () => undefined }), notify: async () => undefined };
const BACKENDS: Readonly<Record<string, () => Promise<Opened>>> = {
  memory: async () => ({
    services: memoryDatabaseServices(new MemoryDatabase(() => NOW), unheard),
    close: async () => undefined,
  }),
  postgresql: async () => {
    const database = await createTestDatabase();
    return { services: postgresDatabase(database.sql), close: () => database.drop() };
  },
};

let shops = 0;

describe.each(Object.entries(BACKENDS))("%s", (_name, open) => {
  let opened: Opened;
  let services: Services;
  let storeId: string;
  beforeAll(async () => {
    opened = await open();
    services = opened.services;
  });
  afterAll(() => opened.close());
  beforeEach(async () => {
    storeId = `devices-${(shops += 1)}`;
    await services.shops.create({ storeId, name: "Corner" }, "epoch-1");
  });

  async function enrol(deviceId: string, tokenHash = `${storeId}/${deviceId}`) {
    const codeHash = `${storeId}/${deviceId}/${tokenHash}`;
    await services.enrolments.create({ codeHash, storeId, name: deviceId, role: "register", expiresAt: NOW + 1_000 });
    return services.enrolments.redeem(codeHash, { deviceId, tokenHash }, NOW, 5);
  }

  describe("enrolments", () => {
    test("a code is good once, in its time, and for so many tries", async () => {
      expect(await enrol("a")).toEqual({
        ...{ storeId, storeName: "Corner", name: "a", role: "register", registerCode: "A1", reEnrolled: false },
      });
      const redeem = (codeHash: string, now = NOW) =>
        services.enrolments.redeem(codeHash, { deviceId: "x", tokenHash: codeHash }, now, 2);
      expect(await redeem(`${storeId}/a/${storeId}/a`)).toBeNull();
      expect(await redeem("no such code")).toBeNull();
      const create = (codeHash: string) =>
        services.enrolments.create({ codeHash, storeId, name: "x", role: "script", expiresAt: NOW + 1_000 });
      await create(`${storeId}/late`);
      expect(await redeem(`${storeId}/late`, NOW + 1_000)).toBeNull();
      await create(`${storeId}/tried`);
      await services.enrolments.countTry(`${storeId}/tried`);
      await services.enrolments.countTry(`${storeId}/tried`);
      expect(await redeem(`${storeId}/tried`)).toBeNull();
    });

    test("a device that is enrolled anew has another token and register code, and is revoked no more", async () => {
      await enrol("a");
      await services.devices.revoke(storeId, "a");
      expect(await enrol("a", `${storeId}/again`)).toMatchObject({ registerCode: "B1", reEnrolled: true });
      expect(await services.devices.findByTokenHash(`${storeId}/a`)).toBeNull();
      expect(await services.devices.findByTokenHash(`${storeId}/again`)).toMatchObject({
        deviceId: "a",
        revoked: false,
      });
      const sessions = ["A1", "B1"].map((registerCode) => ({ storeId, deviceId: "a", registerCode }));
      expect(await services.devices.replacedAmong(sessions)).toEqual([sessions[0]]);
      expect(await services.devices.replacedAmong([])).toEqual([]);
    });
  });

  describe("devices", () => {
    test("S11: are found by token, revoked once, and known as revoked", async () => {
      await enrol("a");
      await enrol("b");
      expect(await services.devices.findByTokenHash("nobody's")).toBeNull();
      expect(await services.devices.findByTokenHash(`${storeId}/a`)).toEqual({
        ...{ storeId, deviceId: "a", registerCode: "A1", role: "register", name: "a", revoked: false },
      });
      expect(await services.devices.revoke(storeId, "a")).toBe(true);
      expect(await services.devices.revoke(storeId, "a")).toBe(false);
      expect(await services.devices.revoke(storeId, "nobody")).toBe(false);
      const keys = ["a", "b", "nobody"].map((deviceId) => ({ storeId, deviceId }));
      expect(await services.devices.revokedAmong(keys)).toEqual([{ storeId, deviceId: "a" }]);
      const lately = (await services.devices.revokedLately()).filter((device) => device.storeId === storeId);
      expect(lately).toEqual([{ storeId, deviceId: "a" }]);
      expect((await services.devices.findByTokenHash(`${storeId}/a`))!.revoked).toBe(true);
    });

    test("what they tell of themselves is kept, later words over earlier ones, and time never runs back", async () => {
      await enrol("a");
      const save = (at: number, cursor: number | null, status: object, app: { name: string; version: string } | null) =>
        services.devices.saveStatus([{ storeId, deviceId: "a", at, cursor, status, app }]);
      await save(2_000, 5, { pending: 3, online: true }, { name: "register", version: "1" });
      await save(1_000, null, { pending: 0 }, null);
      await services.devices.saveStatus([{ storeId, deviceId: "nobody", at: 1, cursor: 1, status: {}, app: null }]);
      const [device, ...others] = await services.devices.list(storeId);
      expect(others).toEqual([]);
      expect(device).toMatchObject({
        ...{ deviceId: "a", registerCode: "A1", cursor: 5, status: { pending: 0, online: true }, lastSeenAt: 2_000 },
        ...{ app: { name: "register", version: "1" }, revokedAt: null, copiedAt: null },
      });
    });

    test("marks: the last given and the one before it accuse nobody, an older one does", async () => {
      await enrol("a");
      const present = async (mark: string | null, checked = true) => {
        const count = mark === null ? 0 : Number(mark.split(".")[0]);
        return (await services.devices.presentMark({ storeId, deviceId: "a" }, { mark, count, checked }, "r"))!;
      };
      expect(
        await services.devices.presentMark({ storeId, deviceId: "b" }, { mark: null, count: 0, checked: true }, "r"),
      ).toBeNull();
      const first = await present(null);
      expect(first).toEqual({ mark: "1.r", copied: false, news: false });
      expect(await present(first.mark)).toEqual({ mark: "2.r", copied: false, news: false });
      expect(await present(first.mark), "the welcome was lost").toMatchObject({ mark: "3.r", copied: false });
      expect(await present("3.r")).toMatchObject({ mark: "4.r", copied: false });
      expect(await present("9.r"), "this database was put back").toMatchObject({ mark: "10.r", copied: false });
      expect(await present("2.r", false)).toMatchObject({ copied: false });
      expect(await present("2.x")).toMatchObject({ copied: true, news: true });
      expect(await present("1.x")).toMatchObject({ copied: true, news: false });
      expect(await services.devices.clearCopied(storeId, "a")).toBe(true);
      expect(await services.devices.clearCopied(storeId, "nobody")).toBe(false);
      expect((await services.devices.list(storeId))[0]!.copiedAt).toBeNull();
    });
  });

  test("policies: what was set, how often, and what changed", async () => {
    expect(await services.shops.readPolicies(storeId)).toEqual({ set: new Map(), version: 0 });
    const changed = await services.shops.setPolicies(storeId, { orders: "MERGE", notes: null }, "admin");
    expect(changed).toEqual({ orders: { from: null, to: "MERGE" } });
    expect(await services.shops.setPolicies(storeId, { orders: "MERGE" }, "admin")).toEqual({});
    expect(await services.shops.readPolicies(storeId)).toEqual({ set: new Map([["orders", "MERGE"]]), version: 1 });
  });

  test("settings: the first one stands, and is swapped for another by whoever knows it", async () => {
    const key = `setting of ${storeId}`;
    expect(await services.shops.readSetting(key)).toBeNull();
    expect(await services.shops.keepSetting(key, "1")).toBe("1");
    expect(await services.shops.keepSetting(key, "2")).toBe("1");
    expect(await services.shops.swapSetting(key, "2", "3")).toBe(false);
    expect(await services.shops.swapSetting(key, "1", "3")).toBe(true);
    expect(await services.shops.readSetting(key)).toBe("3");
  });

  describe("existing devices", () => {
    const orderRow = (localId: string, deviceId: string, more: Partial<PlannedRow> = {}) =>
      row(localId, { id: localId }, NONE, { collection: "orders", deviceId, createdBy: deviceId, ...more });

    async function sell() {
      await enrol("a");
      await enrol("b");
      const first = orderRow("o1", "a", { uniqueKey: "N-1" });
      const amended = orderRow("o2", "a", { sentVersion: 1, sentHash: "x", uniqueKey: "N-2" });
      const rows = [first, amended, orderRow("o3", "b"), row("n1", { id: "n1" }, NONE, { deviceId: "b" })];
      const paid = { id: "t1", orderId: "o1" };
      rows.push(row("t1", paid, NONE, { collection: "transactions", deviceId: "b" }));
      await services.store.commit(
        storeId,
        "epoch-1",
        rows.map((each) => plan([each], { sender: each.deviceId })),
      );
      return first;
    }

    test("updates leave out what the device wrote itself, unless it was stored otherwise", async () => {
      await sell();
      const page = await services.seedQueries.readUpdates(storeId, "a", { kind: "cursor", cursor: 0 }, 10);
      expect(page).toMatchObject({ epoch: "epoch-1", head: 5, to: 5 });
      expect(page!.records.map(({ localId, data }) => [localId, data])).toEqual([
        ["o2", { id: "o2" }],
        ["o3", { id: "o3" }],
        ["t1", { id: "t1", orderId: "o1" }],
      ]);
      const short = await services.seedQueries.readUpdates(storeId, "a", { kind: "cursor", cursor: 2 }, 1);
      expect(short).toMatchObject({ to: 3, records: [{ localId: "o3" }] });
    });

    test("a changed timestamp acknowledges the answer, the same one repeats it, null begins again", async () => {
      await sell();
      const read = async (timestamp: number | null, limit = 1) => {
        const page = await services.seedQueries.readUpdates(storeId, "b", { kind: "timestamp", timestamp }, limit);
        return page!.records.map(({ localId }) => localId);
      };
      expect(await read(null)).toEqual(["o1"]);
      expect(await read(1_000)).toEqual(["o2"]);
      expect(await read(1_000)).toEqual(["o2"]);
      expect(await read(2_000)).toEqual([]);
      expect(await read(null, 9)).toEqual(["o1", "o2"]);
      expect(
        await services.seedQueries.readUpdates(storeId, "nobody", { kind: "timestamp", timestamp: 1 }, 9),
      ).toBeNull();
    });

    test("an answer holds what there is room for, the rest follows; nothing is left out between", async () => {
      await enrol("a");
      await enrol("b");
      const notes = "x".repeat(3 * 1024 * 1024);
      for (const id of ["o1", "o2", "o3"])
        await services.store.commit(storeId, "epoch-1", [
          plan([orderRow(id, "a", { dataJson: JSON.stringify({ id, notes }) })]),
        ]);
      const read = async (cursor: number) => {
        const page = await services.seedQueries.readUpdates(storeId, "b", { kind: "cursor", cursor }, 10);
        return [page!.records.map(({ localId }) => localId), page!.to];
      };
      expect(await read(0)).toEqual([["o1", "o2"], 2]);
      expect(await read(2)).toEqual([["o3"], 3]);
      const named = ["o3", "o2", "o1"].map((localId) => ({ collection: "orders" as const, localId }));
      const records = await services.seedQueries.readRecords(storeId, named);
      expect(records.map(({ localId }) => localId)).toEqual(["o3", "o2"]);
    });

    test("records, orders and the orders of transactions, by name", async () => {
      const first = await sell();
      await services.store.commit(storeId, "epoch-1", [plan([orderRow("o1.1735689600000", "a")])]);
      const records = await services.seedQueries.readRecords(storeId, [
        { collection: "orders", localId: "o1" },
        { collection: "orders", localId: "o9" },
      ]);
      expect(records).toMatchObject([
        { collection: "orders", localId: "o1", hash: positionOf(first).hash, createdBy: "a" },
      ]);
      const orders = await services.seedQueries.readOrders(storeId, ["o2"], ["o1"]);
      expect(orders.sort((x, y) => x.seq - y.seq)).toEqual([
        { localId: "o2", number: "N-2", createdBy: "a", seq: 2 },
        { localId: "o1.1735689600000", number: null, createdBy: "a", seq: 6 },
      ]);
      expect(await services.seedQueries.readOrderIds(storeId, ["t1", "t9"])).toEqual(new Map([["t1", "o1"]]));
    });
  });
});
