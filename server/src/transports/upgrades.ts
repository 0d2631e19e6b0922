/** Upgrade requests go by their path: /sync to the plain WebSocket, Socket.IO's to Socket.IO, anything else nowhere. */
import type { IncomingMessage, Server } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode } from "@tillwire/protocol/errors";
import type { OriginCheck } from "../origin.ts";
import { SOCKET_IO_PATH } from "./socket-io.ts";
import type { WebSocketTransport } from "./websocket.ts";

export function dispatchUpgrades(server: Server, webSocket: WebSocketTransport, allowOrigin: OriginCheck): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = (request.url ?? "").split("?")[0]!;
    if (path.startsWith(`${SOCKET_IO_PATH}/`)) return; // Socket.IO listens itself
    // A peer that goes away here has nothing to be told.
    socket.on("error", () => socket.destroy());
    if (path !== "/sync") refuse(socket, "NOT_FOUND");
    else if (!allowOrigin(request.headers.origin, request.headers.host)) refuse(socket, "FOREIGN_ORIGIN");
    else webSocket.upgrade(request, socket, head);
  });
}

function refuse(socket: Duplex, code: ErrorCode): void {
  const { status } = ERRORS[code];
  const title = STATUS_CODES[status] ?? code;
  const body = JSON.stringify({ type: `urn:tillwire:error:${code}`, title, status, code });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    "Connection: close",
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
