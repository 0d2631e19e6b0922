/** The live link over Socket.IO: the one event `message` with JSON text, WebSocket first, long polling where proxies allow nothing else. */
import type { io as Io } from "socket.io-client";
import type { Link, LinkEnd, LinkEvents, OpenLink } from "./link.ts";
import { parse } from "./websocket.ts";

/** Loaded with the first link: an app is drawn sooner without it, and those that speak plain WebSocket never need it. */
export const openSocketIo: OpenLink = (url, events) => {
  let link: Link | null = null;
  let ended = false;
  import("socket.io-client").then(
    ({ io }) => {
      if (!ended) link = connect(io, url, events);
    },
    (error: unknown) => {
      if (!ended) events.closed({ code: null, reason: error instanceof Error ? error.message : "not loaded" });
    },
  );
  return {
    send: (message) => link?.send(message),
    close() {
      ended = true;
      link?.close();
    },
  };
};

function connect(io: typeof Io, url: string, events: LinkEvents): Link {
  const socket = io(url, {
    path: "/socket.io",
    transports: ["websocket", "polling"],
    // else a blocked WebSocket ends the try, and polling never gets its turn
    tryAllTransports: true,
    reconnection: false,
    forceNew: true,
    multiplex: false,
    timeout: 10_000,
  });
  let ended = false;
  function end(how: LinkEnd): void {
    if (ended) return;
    ended = true;
    socket.close();
    events.closed(how);
  }
  socket.on("connect", () => {
    if (!ended) events.opened();
  });
  socket.on("message", (message: unknown) => {
    if (!ended) events.received(typeof message === "string" ? parse(message) : message);
  });
  socket.on("disconnect", (reason) => end({ code: null, reason }));
  socket.on("connect_error", (error) => end({ code: null, reason: error.message }));
  return {
    send: (message) => socket.emit("message", JSON.stringify(message)),
    close() {
      ended = true;
      socket.close();
    },
  };
}
