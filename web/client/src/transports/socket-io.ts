/** The live link over Socket.IO: the one event `message` with JSON text, WebSocket first, long polling where proxies allow nothing else. */
import { io, type Socket } from "socket.io-client";
import type { LinkEnd, OpenLink } from "./link.ts";
import { parse } from "./websocket.ts";

export const openSocketIo: OpenLink = (url, events) => {
  const socket: Socket = io(url, {
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
};
