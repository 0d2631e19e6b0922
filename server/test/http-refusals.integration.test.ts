/** Requests that fail as a whole: how they say so. */
import { once } from "node:events";
import { connect } from "node:net";
import { io } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "@tillwire/protocol/limits";
import { systemRuntime } from "../src/runtime.ts";
import { ADMIN_TOKEN, request, startTestServer, type TestServer } from "./support/server.ts";

let shop: TestServer;

beforeAll(async () => {
  shop = await startTestServer({ allowedOrigins: ["https://friend.example"] });
});
afterAll(() => shop.stop());

describe("requests that fail as a whole", () => {
  const problem = async (method: string, path: string, init: RequestInit = {}): Promise<any> => {
    const response = await fetch(shop.url + path, { method, ...init });
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    const body: any = await response.json();
    expect(body).toMatchObject({ status: response.status, type: `urn:tillwire:error:${body.code}` });
    expect(Object.keys(body).sort()).toEqual(["code", "detail", "requestId", "status", "title", "type"]);
    return { ...body, retryAfter: response.headers.get("retry-after"), allow: response.headers.get("allow") };
  };
  const bearer = async () => ({
    authorization: `Bearer ${(await shop.enrol()).token}`,
    "content-type": "application/json",
  });

  test("no token and unknown tokens: 401", async () => {
    expect(await problem("GET", "/api/sync/pull")).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    const headers = { authorization: "Bearer nobody" };
    expect(await problem("GET", "/api/sync/updates", { headers })).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await problem("GET", "/api/admin/devices", { headers })).toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("malformed: 400", async () => {
    const headers = await bearer();
    expect(await problem("POST", "/api/sync/push", { headers, body: "{" })).toMatchObject({
      status: 400,
      code: "NOT_JSON",
    });
    expect(await problem("POST", "/api/sync/push", { headers, body: "[]" })).toMatchObject({
      status: 400,
      code: "MALFORMED",
    });
    expect(await problem("POST", "/api/sync/batch", { headers, body: "{}" })).toMatchObject({ code: "MALFORMED" });
    expect(await problem("POST", "/api/sync/order", { headers, body: "5" })).toMatchObject({ code: "MALFORMED" });
    expect(await problem("GET", "/api/sync/pull?limit=many", { headers })).toMatchObject({ code: "MALFORMED" });
    expect(await problem("GET", "/%zz")).toMatchObject({ code: "MALFORMED" });
  });

  test("texts that no database takes, and times that it does not know: 400, 422", async () => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
    for (const name of ["a\0b", "a\ud800b", ""]) {
      const body = JSON.stringify({ name, role: "register" });
      for (const path of ["/api/admin/stores", "/api/admin/enrolments"])
        expect(await problem("POST", path, { headers, body })).toMatchObject({ code: "MALFORMED" });
      const app = { name: `${name}\0`, version: "1" };
      const status = JSON.stringify({ syncToken: null, app, status: { pending: 1 } });
      expect(await problem("POST", "/api/sync/status", { headers: await bearer(), body: status })).toMatchObject({
        code: "MALFORMED",
      });
    }
    const times = { headers: await bearer() };
    expect(await problem("GET", "/api/sync/updates?since=9999999999999999", times)).toMatchObject({
      code: "UNPROCESSABLE",
    });
    expect((await fetch(`${shop.url}/api/sync/updates?since=999999999999999`, times)).status).toBe(200);
  });

  test("what is no request of HTTP: 400; a head that is too long as well", async () => {
    for (const text of ["NONSENSE\r\n\r\n", `GET / HTTP/1.1\r\nHost: shop\r\nx: ${"x".repeat(20_000)}\r\n\r\n`]) {
      const socket = connect(Number(new URL(shop.url).port), "127.0.0.1", () => socket.write(text));
      let answer = "";
      socket.on("data", (piece) => (answer += piece.toString()));
      await once(socket, "close");
      expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
      expect(answer).toContain("application/problem+json");
      expect(JSON.parse(answer.split("\r\n\r\n")[1]!)).toMatchObject({
        code: "MALFORMED",
        requestId: expect.stringMatching(/./),
      });
    }
  });

  test("guesses at the admin token are slowed at every door: 429", async () => {
    const { url } = await shop.startNode();
    const guess = async (path: string): Promise<number> => (await request(url, "wrong", "GET", path)).status;
    for (const path of ["/api/records/orders/o1/history", "/api/admin/devices"]) {
      const node = path.startsWith("/api/admin") ? (await shop.startNode()).url : url;
      const statuses = new Set<number>();
      for (let i = 0; i < 40; i++) statuses.add((await request(node, "wrong", "GET", path)).status);
      expect([path, [...statuses]]).toEqual([path, [401, 429]]);
    }
    expect(await guess("/api/admin/devices")).toBe(429);
    expect((await request(url, (await shop.enrol()).token, "GET", "/api/sync/pull")).status).toBe(200);
  });

  test("what is not here, not so, not this way: 404, 405, 413, 415", async () => {
    const headers = await bearer();
    expect(await problem("GET", "/api/nothing")).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect(await problem("PUT", "/api/sync/push")).toMatchObject({ status: 405, allow: "POST" });
    expect(await problem("POST", "/api/admin/devices/x")).toMatchObject({ status: 405, allow: "DELETE" });
    const large = JSON.stringify({ id: "p", syncToken: null, writes: ["x".repeat(1024 * 1024)] });
    expect(await problem("POST", "/api/sync/push", { headers, body: large })).toMatchObject({
      status: 413,
      code: "TOO_LARGE",
    });
    const text = { ...headers, "content-type": "text/plain" };
    expect(await problem("POST", "/api/sync/push", { headers: text, body: "x" })).toMatchObject({ status: 415 });
  });

  test("pages of foreign origins: 403; those that are allowed get their headers", async () => {
    const headers = { origin: "https://evil.example" };
    expect(await problem("GET", "/api/sync/pull", { headers })).toMatchObject({ status: 403, code: "FOREIGN_ORIGIN" });
    expect(await problem("GET", "/%61pi/sync/pull", { headers })).toMatchObject({ code: "FOREIGN_ORIGIN" });
    expect((await fetch(`${shop.url}/%61pi/config`)).headers.get("cache-control")).toBe("no-store");
    const friend = { origin: "https://friend.example", "access-control-request-method": "POST" };
    const preflight = await fetch(`${shop.url}/api/sync/push`, { method: "OPTIONS", headers: friend });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://friend.example");
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, POST, PUT, DELETE");
  });

  test("more than the rate: 429, until as long as Retry-After says has passed", async () => {
    let now = 1_767_225_600_000;
    const node = await shop.startNode({ runtime: { ...systemRuntime, now: () => now } });
    const { token } = await shop.enrol();
    const pull = () => request(node.url, token, "GET", "/api/sync/pull?limit=1");
    const statuses = await Promise.all(Array.from({ length: LIMITS.pushBurst }, async () => (await pull()).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    const refused = await pull();
    expect([refused.status, refused.body.code]).toEqual([429, "RATE_LIMITED"]);
    const retryAfter = Number(refused.headers.get("retry-after"));
    expect(retryAfter).toBeGreaterThan(0);
    now += retryAfter * 1_000;
    expect((await pull()).status).toBe(200);
  });

  test("upgrades to nowhere are refused", async () => {
    const { WebSocket } = await import("ws");
    for (const [path, headers, status] of [
      ["/elsewhere", {}, 404],
      ["/socket.io", {}, 404],
      ["/sync", { origin: "https://evil.example" }, 403],
    ] as const) {
      const socket = new WebSocket(shop.url.replace("http", "ws") + path, { headers });
      const answer = await new Promise<number>((resolve) => {
        socket.on("unexpected-response", (_request, response) => resolve(response.statusCode!));
        socket.on("error", () => undefined);
      });
      expect([path, answer]).toEqual([path, status]);
      socket.terminate();
    }
  });

  test("Socket.IO refuses foreign origins on both of its ways", async () => {
    for (const transport of ["websocket", "polling"]) {
      const socket = io(shop.url, {
        transports: [transport],
        extraHeaders: { origin: "https://evil.example" },
        reconnection: false,
      });
      await new Promise((resolve) => socket.on("connect_error", resolve));
      socket.close();
    }
  });
});
