/** A bare client of either live transport: sends messages, keeps what comes, waits for what is expected. */
import { io } from "socket.io-client";
import { WebSocket } from "ws";

export type Transport = "websocket" | "socket.io" | "socket.io polling";
export const TRANSPORTS: readonly Transport[] = ["websocket", "socket.io", "socket.io polling"];

export interface LiveClient {
  readonly received: any[];
  send(message: unknown): void;
  /** What no client should send: text that is no message, bytes, other events. */
  sendRaw(text: string | Uint8Array): void;
  /** The first message, past or to come, that fits; each is handed out once. */
  next(type: string, fits?: (message: any) => boolean): Promise<any>;
  /** Forgets the unread messages of a type. */
  skip(type: string): void;
  /** Resolves when the link is gone: the close code, or null where the transport has none. */
  readonly closed: Promise<number | null>;
  close(): void;
}

export async function connect(
  url: string,
  transport: Transport,
  headers: Record<string, string> = {},
): Promise<LiveClient> {
  return transport === "websocket" ? connectWebSocket(url, headers) : connectSocketIo(url, transport, headers);
}

function mailbox() {
  const received: any[] = [];
  const unread: any[] = [];
  let wake: (() => void)[] = [];
  return {
    received,
    skip(type: string): void {
      for (let index = unread.length - 1; index >= 0; index--) if (unread[index].type === type) unread.splice(index, 1);
    },
    arrived(text: string): void {
      const message = JSON.parse(text);
      received.push(message);
      unread.push(message);
      const waiting = wake;
      wake = [];
      for (const each of waiting) each();
    },
    async next(type: string, fits: (message: any) => boolean = () => true): Promise<any> {
      for (;;) {
        const index = unread.findIndex((message) => message.type === type && fits(message));
        if (index >= 0) return unread.splice(index, 1)[0];
        await new Promise<void>((resolve) => wake.push(resolve));
      }
    },
  };
}

async function connectWebSocket(url: string, headers: Record<string, string>): Promise<LiveClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/sync`, { headers });
  const { received, arrived, next, skip } = mailbox();
  socket.on("message", (data: Buffer) => arrived(data.toString()));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
  });
  return {
    received,
    next,
    skip,
    closed,
    send: (message) => socket.send(JSON.stringify(message)),
    sendRaw: (text) => socket.send(text),
    close: () => socket.terminate(),
  };
}

async function connectSocketIo(
  url: string,
  transport: Transport,
  headers: Record<string, string>,
): Promise<LiveClient> {
  const transports = transport === "socket.io" ? ["websocket"] : ["polling"];
  const socket = io(url, { transports, extraHeaders: headers, reconnection: false, forceNew: true });
  const { received, arrived, next, skip } = mailbox();
  socket.on("message", arrived);
  const closed = new Promise<null>((resolve) => socket.on("disconnect", () => resolve(null)));
  await new Promise<void>((resolve, reject) => {
    socket.on("connect", resolve);
    socket.on("connect_error", reject);
  });
  return {
    received,
    next,
    skip,
    closed,
    send: (message) => void socket.emit("message", JSON.stringify(message)),
    sendRaw: (text) => void socket.emit("message", text),
    close: () => void socket.disconnect(),
  };
}

export function hello(token: string, more: object = {}): object {
  return { type: "hello", protocol: 1, token, syncToken: null, ...more };
}

/** Connected, welcomed, and at the head. */
export async function goLive(url: string, transport: Transport, token: string, more: object = {}): Promise<LiveClient> {
  const client = await connect(url, transport);
  client.send(hello(token, more));
  await client.next("welcome");
  await client.next("changes", (frame) => frame.to === frame.head);
  client.skip("changes");
  return client;
}

/** Resolves when the condition holds; the test's own time-out is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
