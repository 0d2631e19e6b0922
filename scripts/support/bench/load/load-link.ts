/** A live link to a server that may be anywhere: text messages over WebSocket or Socket.IO. */
import { io } from "socket.io-client";
import { WebSocket } from "ws";

export const TRANSPORTS = ["ws", "socket.io"] as const;
export type LoadTransport = (typeof TRANSPORTS)[number];

export interface LoadLink {
  send(text: string): void;
  close(): void;
}
export interface LinkEvents {
  opened(): void;
  heard(text: string): void;
  /** Once, whether it ever was open or not. */
  closed(): void;
}

export function openLoadLink(transport: LoadTransport, url: string, events: LinkEvents): LoadLink {
  return transport === "ws" ? openWebSocket(url, events) : openSocketIo(url, events);
}

function openWebSocket(url: string, events: LinkEvents): LoadLink {
  const target = new URL("/sync", url);
  target.protocol = target.protocol.replace("http", "ws");
  const socket = new WebSocket(target);
  socket.on("open", () => events.opened());
  socket.on("message", (data: Buffer) => events.heard(data.toString()));
  socket.on("close", () => events.closed());
  // `close` follows
  socket.on("error", () => undefined);
  return { send: (text) => socket.send(text), close: () => socket.terminate() };
}

function openSocketIo(url: string, events: LinkEvents): LoadLink {
  const socket = io(url, { transports: ["websocket"], reconnection: false, forceNew: true });
  let ended = false;
  const end = (): void => {
    if (!ended) events.closed();
    ended = true;
  };
  socket.on("connect", () => events.opened());
  socket.on("message", (text: string) => events.heard(text));
  socket.on("disconnect", end);
  socket.on("connect_error", end);
  return { send: (text) => void socket.emit("message", text), close: () => void socket.disconnect() };
}
