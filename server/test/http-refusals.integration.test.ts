/** Requests that fail as a whole: how they say so. */
import { io } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "@tillwire/protocol/limits";
import { systemRuntime } from "../src/runtime.ts";
import { request, startTestServer, type TestServer } from "./support/server.ts";

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
