/** Peers that break off, or speak no protocol at all: nothing of theirs ends the process (trap 12). */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
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
