/** Versions of a record, as devices and the administrator read them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { historySchema, type Result } from "@tillwire/protocol/messages";
import { startTestServer, type TestServer } from "./support/server.ts";
import { at, order, put, remove } from "./support/shop-fixture.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

async function pushOver(token: string, ...writes: object[]): Promise<Result[]> {
  const { syncToken } = (await shop.request(token, "GET", "/api/sync/pull?limit=1")).body;
  const { body } = await shop.request(token, "POST", "/api/sync/push", { id: "p", syncToken, writes });
  return body.results;
}

/** Versions 1 to `count`, each by its own write. */
async function edit(token: string, id: string, count: number, more: object = {}): Promise<void> {
  let [result] = await pushOver(token, put("orders", id, order(id, { notes: "1", ...more })));
  for (let version = 2; version <= count; version++)
    [result] = await pushOver(
      token,
      put("orders", id, order(id, { notes: String(version), ...more }), version, at(result!)),
    );
}

const notesOf = ({ versions }: any): string[] => versions.map(({ data }: any) => data?.notes ?? "gone");
const historyOf = (token: string, id: string, query = "") =>
  shop.request(token, "GET", `/api/records/orders/${id}/history${query}`);

test("each version with who, when and what, latest first, the current one and deletions included", async () => {
  const till = await shop.enrol();
  const other = await shop.enrol();
  const [first] = await pushOver(till.token, put("orders", "h-1", order("h-1", { notes: "one" })));
  const [second] = await pushOver(other.token, put("orders", "h-1", order("h-1", { notes: "two" }), 2, at(first!)));
  await pushOver(till.token, remove("orders", "h-1", 3, at(second!)));
  const { status, body } = await historyOf(other.token, "h-1");
  expect(status).toBe(200);
  expect(historySchema.safeParse(body).error).toBeUndefined();
  expect(notesOf(body)).toEqual(["gone", "two", "one"]);
  expect(body).toMatchObject({ collection: "orders", localId: "h-1", nextBefore: null });
  const who = body.versions.map((version: any) => [version.syncVersion, version.deviceId, version.createdBy]);
  expect(who).toEqual([
    [3, till.deviceId, till.deviceId],
    [2, other.deviceId, till.deviceId],
    [1, till.deviceId, till.deviceId],
  ]);
  expect(body.versions[0]).toMatchObject({ deleted: true, data: null });
  expect(body.versions[2]).toMatchObject({ seq: first!.seq, hash: first!.hash, updatedAt: first!.updatedAt });
});

describe("pages", () => {
  test("are as long as asked for, at most 50, and join", async () => {
    const { token } = await shop.enrol();
    await edit(token, "h-long", 53);
    const all = (await historyOf(token, "h-long")).body;
    expect(all.versions).toHaveLength(50);
    expect(all.nextBefore).toBe(4);
    const rest = (await historyOf(token, "h-long", `?before=${all.nextBefore}&limit=900`)).body;
    expect(notesOf(rest)).toEqual(["3", "2", "1"]);
    expect(rest.nextBefore).toBeNull();
    const two = (await historyOf(token, "h-long", "?limit=2")).body;
    expect([notesOf(two), two.nextBefore]).toEqual([["53", "52"], 52]);
    const exact = (await historyOf(token, "h-long", "?limit=3&before=4")).body;
    expect([notesOf(exact), exact.nextBefore]).toEqual([["3", "2", "1"], null]);
  });

  test("of large versions end early; nothing is older than the oldest", async () => {
    const { token } = await shop.enrol();
    await edit(token, "h-large", 7, { customerName: "x".repeat(200_000) });
    const first = (await historyOf(token, "h-large")).body;
    expect(notesOf(first)).toEqual(["7", "6", "5", "4", "3", "2"]);
    expect(JSON.stringify(first).length).toBeLessThan(1_400_000);
    expect(notesOf((await historyOf(token, "h-large", `?before=${first.nextBefore}`)).body)).toEqual(["1"]);
    const none = await historyOf(token, "h-large", "?before=1");
    expect([none.status, none.body.versions, none.body.nextBefore]).toEqual([200, [], null]);
  });
});

test("times that re-offers name are told as they are", async () => {
  await shop.admin("POST", "/api/admin/epoch", { reoffer: true });
  const { token } = await shop.enrol();
  const updatedAt = 5;
  const [result] = await pushOver(token, { ...put("orders", "h-old", order("h-old")), reoffer: true, updatedAt });
  expect(result).toMatchObject({ outcome: "accepted", updatedAt });
  expect((await historyOf(token, "h-old")).body.versions).toMatchObject([{ updatedAt }]);
});

test("any role may read, and a far `before` is no error", async () => {
  const { token } = await shop.enrol();
  await edit(token, "h-2", 2);
  for (const role of ["display", "script"] as const) {
    const reader = await shop.enrol({ role });
    expect(notesOf((await historyOf(reader.token, "h-2", "?before=99999999999")).body)).toEqual(["2", "1"]);
  }
});

test("unknown records are 404; malformed names, numbers and tokens are told apart", async () => {
  const { token, storeId } = await shop.enrol();
  await edit(token, "h-3", 1);
  const answer = async (path: string, by: string | null = token): Promise<[number, string]> => {
    const { status, body } = await shop.request(by, "GET", `/api/records/${path}`);
    return [status, body.code];
  };
  expect(await answer("orders/nobody/history")).toEqual([404, "NOT_FOUND"]);
  expect(await answer("nothing/h-3/history")).toEqual([404, "NOT_FOUND"]);
  expect(await answer("orders/h%203/history")).toEqual([422, "UNPROCESSABLE"]);
  expect(await answer("orders/h%00/history")).toEqual([422, "UNPROCESSABLE"]);
  expect(await answer(`orders/${"x".repeat(65)}/history`)).toEqual([422, "UNPROCESSABLE"]);
  expect(await answer("ORDERS/h-3/history")).toEqual([422, "UNPROCESSABLE"]);
  expect(await answer("orders/h-3/history?before=last")).toEqual([400, "MALFORMED"]);
  expect(await answer("orders/h-3/history", null)).toEqual([401, "UNAUTHENTICATED"]);
  expect(await answer("orders/h-3/history", "nobody")).toEqual([401, "UNAUTHENTICATED"]);
  expect(await answer(`orders/h-3/history?storeId=${storeId}`)).toEqual([200, undefined]);
  expect(await answer("orders/h-3/history?storeId=another")).toEqual([403, "FORBIDDEN"]);
  expect((await shop.request(token, "POST", "/api/records/orders/h-3/history", {})).status).toBe(405);
});

test("S10: the same id in two shops has two histories", async () => {
  const elsewhere = await shop.openShop("elsewhere");
  const here = await shop.enrol();
  const there = await shop.enrol({ storeId: elsewhere });
  await pushOver(here.token, put("orders", "same", order("same", { notes: "here" })));
  await pushOver(there.token, put("orders", "same", order("same", { notes: "there" })));
  await pushOver(there.token, put("orders", "only-there", order("only-there")));
  expect(notesOf((await historyOf(here.token, "same")).body)).toEqual(["here"]);
  expect(notesOf((await historyOf(there.token, "same")).body)).toEqual(["there"]);
  expect((await historyOf(here.token, "only-there")).status).toBe(404);
  const asAdmin = (query: string) => shop.admin("GET", `/api/records/orders/same/history${query}`);
  expect(notesOf((await asAdmin("")).body)).toEqual(["here"]);
  expect(notesOf((await asAdmin(`?storeId=${elsewhere}`)).body)).toEqual(["there"]);
  expect((await asAdmin("?storeId=nowhere")).status).toBe(404);
});

test("a revoked device reads no history, and a device is slowed like by any other read", async () => {
  const { token, deviceId } = await shop.enrol();
  await edit(token, "h-4", 1);
  const answers = await Promise.all(Array.from({ length: 160 }, () => historyOf(token, "h-4")));
  expect(answers.map(({ status }) => status)).toContain(429);
  await shop.admin("DELETE", `/api/admin/devices/${deviceId}`);
  expect((await historyOf(token, "h-4")).body.code).toBe("DEVICE_REVOKED");
});
