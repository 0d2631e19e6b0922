import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

let target: HttpServer;
let proxy: FaultProxy;
let received: string;

// Answers HTTP with the path, echoes over WebSocket, and, to a client that does not speak HTTP, echoes as well.
beforeEach(async () => {
  received = "";
  target = createHttpServer((request, response) => response.end(request.url));
  target.on("clientError", (_, socket) => socket.destroy());
  new WebSocketServer({ server: target }).on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      received += data.toString();
      socket.send(data.toString());
    });
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  proxy = await startFaultProxy((target.address() as AddressInfo).port);
});

afterEach(async () => {
  await proxy.close();
  target.closeAllConnections();
  target.close();
});

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${String(proxy.port)}/sync`);
  socket.on("error", () => undefined);
  await once(socket, "open");
  return socket;
}

async function next(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, "message")) as [Buffer];
  return data.toString();
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  return next(socket);
}

const get = async (path: string) => {
  const response = await fetch(proxy.url + path);
  return { status: response.status, text: await response.text() };
};

test("without a fault everything passes", async () => {
  expect(await echo(await open(), "hello")).toBe("hello");
  expect(await get("/x")).toEqual({ status: 200, text: "/x" });
  expect(proxy.port).toBeLessThan(32768);
});

test("cut ends open connections and takes new ones", async () => {
  const socket = await open();
  const closed = once(socket, "close");
  proxy.cut();
  await closed;
  expect(proxy.connections).toBe(0);
  expect(await echo(await open(), "again")).toBe("again");
});

test("refuse turns new connections away and leaves open ones alone, until healed", async () => {
  const socket = await open();
  await proxy.refuse();
  await expect(open()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await echo(socket, "still here")).toBe("still here");
  await proxy.heal();
  expect(await echo(await open(), "back")).toBe("back");
});

test.each([
  ["up", false],
  ["down", true],
] as const)("cutAfter %s: the message that reaches the limit is cut in its middle", async (direction, arrives) => {
  const socket = await open();
  const cut = proxy.cutAfter(direction, 50);
  const messages: string[] = [];
  socket.on("message", (data: Buffer) => messages.push(data.toString()));
  const closed = once(socket, "close");
  socket.send("small");
  await once(socket, "message");
  socket.send("x".repeat(1000));
  await Promise.all([cut, closed]);
  expect(messages).toEqual(["small"]);
  expect(received.includes("xxx")).toBe(arrives);
  expect(await echo(await open(), "again")).toBe("again");
});

test("cutAfter counts to the byte", async () => {
  const lines: Buffer[] = [];
  const plain = createHttpServer();
  plain.on("connection", (socket: Socket) => socket.on("data", (chunk: Buffer) => lines.push(chunk)));
  plain.listen(0, "127.0.0.1");
  await once(plain, "listening");
  const counting = await startFaultProxy((plain.address() as AddressInfo).port);
  const client = connect(counting.port, "127.0.0.1");
  const gone = new Promise<void>((resolve) => plain.on("connection", (socket: Socket) => socket.on("close", resolve)));
  const cut = counting.cutAfter("up", 7);
  client.write("POST /abcdefgh");
  await Promise.all([cut, gone]);
  expect(Buffer.concat(lines).toString()).toBe("POST /a");
  await counting.close();
  plain.close();
});

test("delay keeps the order and adds its time both ways", async () => {
  const socket = await open();
  proxy.delay(40);
  const begin = performance.now();
  const messages: string[] = [];
  const both = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => messages.push(data.toString()) === 2 && resolve());
  });
  socket.send("first");
  socket.send("second");
  await both;
  expect(messages).toEqual(["first", "second"]);
  expect(performance.now() - begin).toBeGreaterThan(75);
});

test("stall holds everything back, on new connections too, and heal lets it through", async () => {
  const socket = await open();
  proxy.stall();
  socket.send("late");
  const fresh = new WebSocket(`ws://127.0.0.1:${String(proxy.port)}/sync`);
  const opened = once(fresh, "open");
  const outcome = await Promise.race([
    opened.then(() => "open"),
    next(socket),
    // a round trip that does not lead through the proxy takes long enough to tell
    fetch(`http://127.0.0.1:${String((target.address() as AddressInfo).port)}/`).then(() => "nothing"),
  ]);
  expect(outcome).toBe("nothing");
  expect(received).toBe("");
  const late = next(socket);
  await proxy.heal();
  expect(await late).toBe("late");
  await opened;
  expect(await echo(fresh, "too")).toBe("too");
});

test("blockLive refuses what is live, lets other HTTP pass, and ends with heal, without a new connection", async () => {
  const socket = await open();
  const closed = once(socket, "close");
  proxy.blockLive();
  await closed;
  await expect(open()).rejects.toThrow("403");
  expect((await get("/socket.io/?transport=polling")).status).toBe(403);
  expect(await get("/api/sync/batch")).toEqual({ status: 200, text: "/api/sync/batch" });
  await proxy.heal();
  expect(await get("/socket.io/?transport=polling")).toMatchObject({ status: 200 });
  expect(await echo(await open(), "live")).toBe("live");
});

test("a target that is down looks like a server that is down", async () => {
  target.closeAllConnections();
  target.close();
  await once(target, "close");
  await expect(open()).rejects.toThrow();
});

test("what the target sends into a stall arrives after it, and so does what it sends then", async () => {
  const theirs = once(target, "upgrade") as Promise<[unknown, Socket]>;
  const socket = await open();
  const heard: string[] = [];
  socket.on("message", (data: Buffer) => heard.push(data.toString()));
  const [, end] = await theirs;
  proxy.stall();
  end.write(Buffer.from([0x81, 1, 0x61]));
  // by then the proxy has read it
  for (let i = 0; i < 3; i++) await (await fetch(`http://127.0.0.1:${(target.address() as AddressInfo).port}/`)).text();
  await proxy.heal();
  await vi.waitFor(() => expect(heard).toEqual(["a"]));
  end.write(Buffer.from([0x81, 1, 0x62]));
  await vi.waitFor(() => expect(heard).toEqual(["a", "b"]));
  socket.terminate();
});
