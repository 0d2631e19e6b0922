/** A session over each live transport: welcome, frames, pushes, heartbeats, and what closes it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serverMessageSchema } from "@tillwire/protocol/messages";
import { order, put } from "./support/shop-fixture.ts";
import { connect, goLive, hello, TRANSPORTS, until } from "./support/live-client.ts";
import { replay } from "./support/replay.ts";
import { startTestServer, type TestServer } from "./support/server.ts";

let shop: TestServer;

beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("a hello is answered by a welcome and at least one frame", async () => {
    const { token, deviceId } = await shop.enrol();
    const client = await connect(shop.url, transport);
    client.send(hello(token, { app: { name: "test", version: "1" } }));
    const welcome = await client.next("welcome");
    expect(welcome).toMatchObject({ protocol: 1, storeId: shop.storeId, deviceId, heartbeatMs: 15_000 });
    const frame = await client.next("changes");
    expect(frame).toMatchObject({ from: 0 });
    for (const message of client.received) expect(serverMessageSchema.safeParse(message).error).toBeUndefined();
    client.close();
  });

  test("a push is answered after its commit, and its frame reaches every session, the sender's too", async () => {
    const a = await goLive(shop.url, transport, (await shop.enrol()).token);
    const b = await goLive(shop.url, "websocket", (await shop.enrol()).token);
    const id = `live-${transport.replace(/\W/g, "-")}`;
    a.send({ type: "push", id: "p-1", writes: [put("orders", id, order(id))] });
    const { results, id: pushId } = await a.next("pushed");
    expect(pushId).toBe("p-1");
    expect(results[0]).toMatchObject({ outcome: "accepted", localId: id, syncVersion: 1 });
    for (const client of [a, b]) {
      const frame = await client.next("changes", ({ changes }) => changes.some((change: any) => change.localId === id));
      expect(frame.to).toBe(frame.head);
    }
    await until(() => [a, b].every(({ received }) => received.some(({ to }) => to >= results[0].seq)));
    for (const client of [a, b]) {
      const frames = client.received.filter(({ type }) => type === "changes");
      const replica = replay(frames);
      expect(replica.records.get(`orders/${id}`).data).toEqual(order(id));
      expect(replica.digests).toEqual(frames.at(-1).digests);
      client.close();
    }
  });

  test("one that was away gets what it missed, from its sync token", async () => {
    const { token } = await shop.enrol();
    const first = await goLive(shop.url, transport, token);
    const { syncToken, to } = first.received.at(-1);
    first.close();
    const other = await goLive(shop.url, "websocket", (await shop.enrol()).token);
    const id = `missed-${transport.replace(/\W/g, "-")}`;
    other.send({ type: "push", id: "p", writes: [put("orders", id, order(id))] });
    await other.next("pushed");
    const again = await connect(shop.url, transport);
    again.send(hello(token, { syncToken }));
    const frame = await again.next("changes");
    expect(frame.from).toBe(to);
    expect(frame.changes.map(({ localId }: any) => localId)).toContain(id);
    again.close();
    other.close();
  });

  test("pings are answered with the server's clock and head", async () => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    client.send({ type: "ping", clock: 1 });
    const pong = await client.next("pong");
    expect(Math.abs(pong.clock - Date.now())).toBeLessThan(5_000);
    expect(pong.head).toBe(client.received.find(({ type }) => type === "welcome").head);
    client.close();
  });

  test.each([
    ["anything but hello first", { type: "ping" }, "UNAUTHENTICATED", 4401],
    ["an unknown token", hello("nobody's"), "UNAUTHENTICATED", 4401],
    ["another protocol version", { ...hello("x"), protocol: 2, token: 5 }, "PROTOCOL_VERSION", 4426],
  ])("%s closes the link", async (_what, message, code, closeCode) => {
    const client = await connect(shop.url, transport);
    client.send(message);
    expect(await client.next("error")).toMatchObject({ code });
    expect(await client.closed).toBe(transport === "websocket" ? closeCode : null);
  });

  test.each([
    ["what is not JSON", "{", "NOT_JSON", 1007],
    ["bytes", new Uint8Array([1, 2, 3]), "BINARY", 1003],
  ])("%s closes the link, and the server lives on", async (_what, raw, code, closeCode) => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    client.sendRaw(raw);
    expect(await client.next("error")).toMatchObject({ code });
    expect(await client.closed).toBe(transport === "websocket" ? closeCode : null);
    expect((await shop.request(null, "GET", "/readyz")).status).toBe(200);
  });

  test.each([
    ["an unknown type", { type: "shout" }],
    ["a push without id", { type: "push", writes: [] }],
    ["a push of too many writes", { type: "push", id: "p", writes: new Array(501).fill({}) }],
    ["an array", []],
    ["null", null],
  ])("%s is an error and leaves the link open", async (_what, message) => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    client.send(message);
    expect(await client.next("error")).toMatchObject({ code: "MALFORMED", retry: "never" });
    client.send({ type: "ping" });
    await client.next("pong");
    client.close();
  });

  test("a bad write is rejected alone", async () => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    const id = `neighbour-${transport.replace(/\W/g, "-")}`;
    client.send({
      type: "push",
      id: "p",
      writes: [null, { localId: "x" }, put("nowhere", "x", {}), put("orders", id, order(id))],
    });
    const { results } = await client.next("pushed");
    expect(results.map((result: any) => result.code ?? result.outcome)).toEqual([
      "WRITE_MALFORMED",
      "WRITE_MALFORMED",
      "COLLECTION_UNKNOWN",
      "accepted",
    ]);
    client.close();
  });

  test("a push larger than the limit ends the link with TOO_LARGE", async () => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    client.send({ type: "push", id: "p", writes: ["x".repeat(1024 * 1024)] });
    expect(await client.next("error")).toMatchObject({ code: "TOO_LARGE" });
    expect(await client.closed).toBe(transport === "websocket" ? 1009 : null);
  });

  test("a message larger than any may be ends the link", async () => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    client.sendRaw("x".repeat(5 * 1024 * 1024));
    expect(await client.closed).toBe(transport === "websocket" ? 1009 : null);
    expect((await shop.request(null, "GET", "/healthz")).status).toBe(200);
  });

  test("a page of a foreign origin gets no link", async () => {
    await expect(connect(shop.url, transport, { origin: "https://evil.example" })).rejects.toThrow();
    const own = await connect(shop.url, transport, { origin: shop.url });
    own.close();
  });

  test("a second push while one is in flight is refused, and the first is answered", async () => {
    const client = await goLive(shop.url, transport, (await shop.enrol()).token);
    const ids = Array.from({ length: 400 }, (_, index) => `flight-${transport.replace(/\W/g, "-")}-${index}`);
    client.send({ type: "push", id: "p-1", writes: ids.map((id) => put("orders", id, order(id))) });
    client.send({ type: "push", id: "p-2", writes: [] });
    expect(await client.next("error")).toMatchObject({ code: "PUSH_IN_FLIGHT", requestId: "p-2" });
    expect(await client.next("pushed")).toMatchObject({ id: "p-1" });
    client.close();
  });

  test("S11: a revoked device is cut at once and can't come back", async () => {
    const { token, deviceId } = await shop.enrol();
    const client = await goLive(shop.url, transport, token);
    expect((await shop.admin("DELETE", `/api/admin/devices/${deviceId}`)).status).toBe(204);
    expect(await client.next("error")).toMatchObject({ code: "DEVICE_REVOKED", retry: "reauthenticate" });
    expect(await client.closed).toBe(transport === "websocket" ? 4403 : null);
    const again = await connect(shop.url, transport);
    again.send(hello(token));
    expect(await again.next("error")).toMatchObject({ code: "DEVICE_REVOKED" });
    const { status, body } = await shop.request(token, "GET", "/api/sync/pull");
    expect([status, body.code]).toEqual([401, "DEVICE_REVOKED"]);
  });
});
