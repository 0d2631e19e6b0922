/** Peers that break off, or speak no protocol at all: nothing of theirs ends the process (trap 12). */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startTestServer, type TestServer } from "./support/server.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`;

async function open(text: string): Promise<Socket> {
  const socket = connect(Number(new URL(shop.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text);
  return socket;
}
/** The server has closed it, or heard that it is gone. */
async function closed(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await once(socket, "close");
}
const isWell = async (): Promise<boolean> => (await fetch(`${shop.url}/healthz`)).ok;

test.each(["/sync", "/socket.io/?EIO=4&transport=websocket", "/nowhere"])(
  "a peer that breaks off in its handshake with %s",
  async (path) => {
    for (let i = 0; i < 10; i++) {
      const socket = await open(upgrade(path));
      socket.resetAndDestroy();
      await closed(socket);
    }
    expect(await isWell()).toBe(true);
  },
);

test.each([
  ["a frame without a mask", [0x81, 0x01, 0x41]],
  ["a reserved opcode", [0x83, 0x80, 0, 0, 0, 0]],
  ["a text that is no UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]],
  ["a length of 2^63", [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
])("a link that sends %s is closed, and only that", async (_, bytes) => {
  for (const path of ["/sync", "/socket.io/?EIO=4&transport=websocket"]) {
    const socket = await open(upgrade(path));
    await once(socket, "data");
    socket.write(Buffer.from(bytes));
    await closed(socket);
  }
  expect(await isWell()).toBe(true);
});

test("a request that is broken off in its body", async () => {
  const socket = await open(
    "POST /api/sync/push HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
  );
  socket.resetAndDestroy();
  await closed(socket);
  expect(await isWell()).toBe(true);
});

test("a peer that was refused an upgrade and keeps its half of the connection does not keep the server from ending", async () => {
  const node = await shop.startNode();
  const socket = connect({ port: node.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.write(upgrade("/nowhere"));
  socket.resume();
  await once(socket, "end");
  await node.close();
  socket.destroy();
});

test("an upgrade to anything but WebSocket is a request like any other: some HTTP clients ask for HTTP/2 each time", async () => {
  const { token, deviceId } = await shop.enrol();
  const body = JSON.stringify({ deviceId, orders: [], transactions: [] });
  const head = [
    "POST /api/sync/batch HTTP/1.1",
    "Host: shop",
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ];
  for (const pieces of [[`${head.join("\r\n")}\r\n\r\n${body}`], [`${head.join("\r\n")}\r\n\r\n`, body]]) {
    const socket = connect({ port: Number(new URL(shop.url).port), host: "127.0.0.1" });
    socket.setNoDelay();
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    // And so is the next one on the same connection.
    socket.write("GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    const [next] = (await once(socket, "data")) as [Buffer];
    expect(next.toString()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    socket.destroy();
  }
});

test("one connection over Socket.IO carries one link: another is not opened on it, nor is it anything but ended after one", async () => {
  for (const packets of [["40", "40"], ["40", "41"], ["40/other,"]]) {
    const socket = new WebSocket(`${shop.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    await once(socket, "message");
    for (const packet of packets) socket.send(packet);
    const closing = once(socket, "close");
    let opened = 0;
    socket.on("message", (data: Buffer) => (opened += Number(data.toString().startsWith("40{"))));
    await closing;
    expect([packets, opened <= 1]).toEqual([packets, true]);
  }
});
