/** What live sessions read and see: choices, pages, resets, presence, and nothing of other shops. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatSyncToken, parseSyncToken } from "@tillwire/protocol/sync-token";
import { at, order, put } from "./support/shop-fixture.ts";
import { connect, goLive, hello, until, type LiveClient } from "./support/live-client.ts";
import { replay } from "./support/replay.ts";
import { startTestServer, type TestServer } from "./support/server.ts";

let shop: TestServer;

beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

describe("collections", () => {
  test("a session gets only those it chose, and their digests", async () => {
    const { token } = await shop.enrol();
    const client = await goLive(shop.url, "websocket", token, { collections: ["products"] });
    client.send({
      type: "push",
      id: "p",
      writes: [
        put("orders", "hidden", order("hidden")),
        put("products", "shown", { id: "shown", name: "Tea", price: 3 }),
      ],
    });
    const frame = await client.next("changes", ({ changes }) => changes.length > 0);
    expect(frame.changes.map(({ localId }: any) => localId)).toEqual(["shown"]);
    expect(Object.keys(frame.digests)).toEqual(["products"]);
    client.close();

    const other = await connect(shop.url, "websocket");
    other.send(hello(token, { syncToken: frame.syncToken }));
    expect(await other.next("error")).toMatchObject({ code: "UNPROCESSABLE" });
    // the link stays: a better hello may follow
    other.send(hello(token, { syncToken: frame.syncToken, collections: ["products"] }));
    await other.next("welcome");
    other.close();
  });

  test("an unknown collection is told", async () => {
    const client = await connect(shop.url, "websocket");
    client.send(hello((await shop.enrol()).token, { collections: ["nothing"] }));
    expect(await client.next("error")).toMatchObject({ code: "UNPROCESSABLE" });
    client.close();
  });
});

test("pull reads again from the token that is given", async () => {
  const client = await goLive(shop.url, "websocket", (await shop.enrol()).token);
  const before = client.received.at(-1);
  client.send({ type: "pull", syncToken: null });
  const frame = await client.next("changes", ({ from }) => from === 0);
  expect(frame.head).toBe(before.head);
  client.send({ type: "pull", syncToken: before.syncToken });
  expect(await client.next("changes", ({ from }) => from === before.to)).toMatchObject({ changes: [], to: before.to });
  client.close();
});

test("a large feed comes in pages that join without a gap, while others write", async () => {
  const writer = await goLive(shop.url, "websocket", (await shop.enrol()).token);
  for (let batch = 0; batch < 4; batch++) {
    const writes = Array.from({ length: 400 }, (_, index) => {
      const id = `page-${batch}-${index}`;
      return put("orders", id, order(id));
    });
    writer.send({ type: "push", id: `p-${batch}`, writes });
    await writer.next("pushed");
  }
  const reader = await connect(shop.url, "websocket");
  reader.send(hello((await shop.enrol()).token));
  let pushing = true;
  const writing = (async () => {
    for (let index = 0; pushing; index++) {
      const id = `meanwhile-${index}`;
      writer.send({ type: "push", id, writes: [put("orders", id, order(id))] });
      await writer.next("pushed");
    }
  })();
  await until(() => reader.received.filter(({ type }) => type === "changes").length > 20);
  pushing = false;
  await writing;
  const head = Math.max(...writer.received.flatMap(({ results }) => results?.map(({ seq }: any) => seq) ?? []));
  await reader.next("changes", ({ to }) => to >= head);
  const frames = reader.received.filter(({ type }) => type === "changes");
  for (const frame of frames) expect(JSON.stringify(frame.changes).length).toBeLessThanOrEqual(257 * 1024);
  const replica = replay(frames);
  expect(replica.cursor).toBe(frames.at(-1).head);
  expect(replica.digests).toEqual(frames.at(-1).digests);
  writer.close();
  reader.close();
});

describe("resets", () => {
  test("a token of another epoch is answered by reset, and frames from 0", async () => {
    const client = await connect(shop.url, "websocket");
    client.send(
      hello((await shop.enrol()).token, { syncToken: formatSyncToken({ epoch: "another", cursor: 3, choice: "all" }) }),
    );
    const { epoch } = await client.next("welcome");
    expect(await client.next("reset")).toMatchObject({ reason: "EPOCH_CHANGED", epoch });
    expect(await client.next("changes")).toMatchObject({ from: 0 });
    client.close();
  });

  test("a cursor ahead of the head begins a new epoch, once, for every device", async () => {
    const storeId = await shop.openShop("lost its last hours");
    const witness = await goLive(shop.url, "websocket", (await shop.enrol({ storeId })).token);
    witness.send({ type: "push", id: "p", writes: [put("orders", "lost", order("lost"))] });
    const { syncToken: ahead } = await witness.next("changes", ({ to }) => to === 1);
    const { epoch } = parseSyncToken(ahead)!;
    // what a restore to before that commit leaves
    await shop.database.sql`delete from records where store_id = ${storeId}`;
    await shop.database.sql`update stores set head = 0 where id = ${storeId}`;
    const returning = await Promise.all([shop.enrol({ storeId }), shop.enrol({ storeId })]);
    const clients = await Promise.all(
      returning.map(async ({ token }) => {
        const client = await connect(shop.url, "websocket");
        client.send(hello(token, { syncToken: ahead }));
        return client;
      }),
    );
    const resets = await Promise.all([...clients, witness].map((client) => client.next("reset")));
    expect(new Set(resets.map((reset) => reset.epoch)).size).toBe(1);
    expect(resets[0]).toMatchObject({ reoffer: true });
    expect(resets[0].epoch).not.toBe(epoch);
    for (const client of [...clients, witness]) client.close();
  });

  test("an epoch that the administrator begins resets live sessions, and pushes go on in it", async () => {
    const storeId = await shop.openShop("begun anew");
    const client = await goLive(shop.url, "websocket", (await shop.enrol({ storeId })).token);
    const { body } = await shop.admin("POST", "/api/admin/epoch", { storeId, reoffer: false });
    expect(await client.next("reset")).toMatchObject({ reason: "EPOCH_CHANGED", epoch: body.epoch, reoffer: false });
    await client.next("changes", ({ from }) => from === 0);
    client.send({ type: "push", id: "p", writes: [put("orders", "after", order("after"))] });
    expect((await client.next("pushed")).results[0].outcome).toBe("accepted");
    client.close();
  });
});

describe("presence", () => {
  test("who asked is told who is there, and of changes only", async () => {
    const storeId = await shop.openShop("presence");
    const asking = await shop.enrol({ storeId, deviceId: "asking" });
    const other = await shop.enrol({ storeId, deviceId: "other" });
    const client = await goLive(shop.url, "websocket", asking.token, { presence: true });
    const list = await client.next("presence");
    expect(list.devices.map(({ deviceId, online }: any) => [deviceId, online]).sort()).toEqual([
      ["asking", true],
      ["other", false],
    ]);
    const second = await goLive(shop.url, "socket.io", other.token, { status: { pending: 3, cursor: 0 } });
    const came = await client.next("presence");
    expect(came.devices).toMatchObject([{ deviceId: "other", online: true, pending: 3, cursor: 0 }]);
    second.close();
    const went = await client.next("presence");
    expect(went.devices).toMatchObject([{ deviceId: "other", online: false }]);
    client.close();
  });
});

test("at most 20 links of an address may wait with their hello", async () => {
  const waiting: LiveClient[] = [];
  for (let index = 0; index < 20; index++) waiting.push(await connect(shop.url, index % 2 ? "websocket" : "socket.io"));
  const late = await connect(shop.url, "websocket");
  expect(await late.next("error")).toMatchObject({ code: "TOO_MANY_LINKS" });
  expect(await late.closed).toBe(1013);
  for (const client of waiting) client.close();
  const { token } = await shop.enrol();
  await until(async () => {
    const client = await connect(shop.url, "websocket");
    client.send(hello(token));
    const answer = await Promise.race([client.next("welcome"), client.closed]);
    client.close();
    return typeof answer === "object";
  });
});

test("S10: two shops never see each other's data", async () => {
  const elsewhere = await shop.openShop("elsewhere");
  const here = await goLive(shop.url, "websocket", (await shop.enrol()).token, { presence: true });
  const there = await goLive(shop.url, "websocket", (await shop.enrol({ storeId: elsewhere })).token, {
    presence: true,
  });
  here.send({ type: "push", id: "p", writes: [put("orders", "ours", order("ours", { customerName: "only-here" }))] });
  const { results } = await here.next("pushed");
  there.send({ type: "push", id: "p", writes: [put("orders", "ours", order("ours", { customerName: "only-there" }))] });
  expect((await there.next("pushed")).results[0]).toMatchObject({ outcome: "accepted", seq: 1 });
  await there.next("changes", ({ to }) => to >= 1);
  await here.next("changes", ({ to }) => to >= results[0].seq);
  here.send({ type: "ping" });
  await here.next("pong");
  expect(JSON.stringify(there.received)).not.toContain("only-here");
  expect(JSON.stringify(here.received)).not.toContain("only-there");
  const stale = at(results[0]);
  there.send({ type: "push", id: "p2", writes: [put("orders", "ours", order("ours", { notes: "x" }), 2, stale)] });
  expect((await there.next("pushed")).results[0].outcome).toBe("conflict");
  here.close();
  there.close();
});
