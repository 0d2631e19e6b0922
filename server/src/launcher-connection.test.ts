import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { LauncherConnection } from "./launcher-connection.ts";

const ended: (() => void)[] = [];

afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** Something that listens where PostgreSQL should. */
async function listen(treat: (socket: Socket) => void): Promise<{ url: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
    treat(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ended.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `postgres://user:word@127.0.0.1:${String((server.address() as AddressInfo).port)}/postgres`, sockets };
}

/** "you are let in", and nothing of what should follow it */
const AUTHENTICATED = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

test.each<[string, (socket: Socket) => void]>([
  ["at once", (socket) => socket.end()],
  ["when the client has introduced itself", (socket) => socket.once("data", () => socket.end())],
  ["when the client was let in", (socket) => socket.once("data", () => socket.end(AUTHENTICATED))],
  ["with a reset", (socket) => socket.once("data", () => socket.resetAndDestroy())],
])("a server that closes %s is told, and not asked again", async (_, treat) => {
  const { url, sockets } = await listen(treat);
  const connection = new LauncherConnection(url);
  await expect(connection.query("select 1")).rejects.toMatchObject({
    code: expect.stringMatching(/^(CONNECTION_CLOSED|ECONNRESET|EPIPE)$/),
  });
  await connection.closed;
  await expect(connection.query("select 1")).rejects.toBeInstanceOf(Error);
  await connection.end();
  expect(sockets).toHaveLength(1);
});

test("a server that closes while a query runs is told", async () => {
  const { url } = await listen((socket) => {
    socket.once("data", () => {
      socket.write(Buffer.concat([AUTHENTICATED, READY]));
      socket.once("data", () => socket.end());
    });
  });
  const connection = new LauncherConnection(url);
  await expect(connection.query("select 1")).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await connection.end();
});

test.each<[string, (socket: Socket) => void]>([
  ["nothing at all", () => undefined],
  ["nothing after it let the client in", (socket) => socket.once("data", () => socket.write(AUTHENTICATED))],
  ["nothing to a query", (socket) => socket.once("data", () => socket.write(Buffer.concat([AUTHENTICATED, READY])))],
])("a server that says %s is given up", async (_, treat) => {
  const { url, sockets } = await listen((socket) => {
    treat(socket);
    socket.resume();
  });
  const connection = new LauncherConnection(url, { patienceMs: 50 });
  await expect(connection.query("select 1")).rejects.toMatchObject({ code: "NO_ANSWER" });
  await connection.closed;
  await vi.waitFor(() => expect(sockets[0]?.destroyed).toBe(true));
});

test("nobody there is told with the system's code", async () => {
  const { url } = await listen(() => undefined);
  ended.pop()!();
  const connection = new LauncherConnection(url);
  await expect(connection.query("select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await connection.end();
});

test("who aborts waits for nothing, and opens nothing any more", async () => {
  const { url, sockets } = await listen((socket) => socket.resume());
  const leaving = new AbortController();
  const connection = new LauncherConnection(url, { abort: leaving.signal });
  const answer = connection.query("select 1");
  await vi.waitFor(() => expect(sockets).toHaveLength(1));
  leaving.abort();
  await expect(answer).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await connection.closed;
  const late = new LauncherConnection(url, { abort: leaving.signal });
  await expect(late.query("select 1")).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await late.closed;
  expect(sockets).toHaveLength(1);
});

test("one that was never used ends", async () => {
  await new LauncherConnection("postgres://user:word@127.0.0.1:1/postgres").end();
});
