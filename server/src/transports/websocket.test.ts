/** Pings below the protocol: for whoever is silent, or hears nothing. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { LIMITS } from "@tillwire/protocol/limits";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createManualRuntime, type ManualRuntime } from "../../test/support/manual-runtime.ts";
import type { Link } from "../link.ts";
import { createWebSocketTransport, type WebSocketTransport } from "./websocket.ts";

let runtime: ManualRuntime;
let transport: WebSocketTransport;
let http: Server;
let link: Link;
let alive = 0;
/** Resolves with each message that the server hears. */
let heard: () => void = () => undefined;

beforeEach(async () => {
  alive = 0;
  runtime = createManualRuntime();
  transport = createWebSocketTransport({
    open(opened) {
      link = opened;
      return {
        message: () => heard(),
        refuse: () => undefined,
        alive: () => void (alive += 1),
        closed: () => undefined,
      };
    },
    runtime,
    log: pino({ level: "silent" }),
  });
  http = createServer().on("upgrade", transport.upgrade.bind(transport)).listen(0, "127.0.0.1");
  await once(http, "listening");
});

afterEach(async () => {
  const closing = transport.close();
  await runtime.pass(2_000);
  await closing;
  http.close();
});

async function connect(): Promise<{ device: WebSocket; pings: () => number }> {
  const device = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`);
  let pings = 0;
  device.on("ping", () => (pings += 1));
  await once(device, "open");
  return { device, pings: () => pings };
}

/** A heartbeat as devices have it: a message, and its answer. */
async function beat(device: WebSocket): Promise<void> {
  const arrived = new Promise<void>((resolve) => (heard = resolve));
  const answered = once(device, "message");
  device.send("ping");
  await arrived;
  link.send("pong");
  await answered;
}

test("a silent device is pinged, and its answer comes long before it counts as dead", async () => {
  const { device, pings } = await connect();
  await runtime.pass(LIMITS.deadAfterMs / 2);
  await expect.poll(() => alive).toBe(1);
  expect(pings()).toBe(1);
  device.terminate();
});

test("a device with heartbeats of its own is never pinged", async () => {
  const { device, pings } = await connect();
  for (let beats = 0; beats < 4; beats += 1) {
    await runtime.pass(LIMITS.heartbeatMs);
    await beat(device);
  }
  expect(pings()).toBe(0);
  device.terminate();
});

test("a device that hears nothing is pinged, whatever it says", async () => {
  const { device, pings } = await connect();
  await runtime.pass(LIMITS.heartbeatMs);
  const arrived = new Promise<void>((resolve) => (heard = resolve));
  device.send("status");
  await arrived;
  await runtime.pass(LIMITS.heartbeatMs);
  await expect.poll(pings).toBe(1);
  device.terminate();
});
