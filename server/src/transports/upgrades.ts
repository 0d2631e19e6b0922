/**
 * Upgrade requests go by their path: /sync to the plain WebSocket, Socket.IO's to Socket.IO, no other one anywhere. Who offers another protocol
 * (Java's HTTP client asks for HTTP/2 in this way) is answered as if it had not.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { OriginCheck } from "../origin.ts";
import { refuseOnSocket } from "./problem.ts";
import { SOCKET_IO_PATH } from "./socket-io.ts";
import type { WebSocketTransport } from "./websocket.ts";

export function dispatchUpgrades(
  server: Server,
  webSocket: WebSocketTransport,
  allowOrigin: OriginCheck,
  newRequestId: () => string,
): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = (request.url ?? "").split("?")[0]!;
    if (path.startsWith(`${SOCKET_IO_PATH}/`)) return; // Socket.IO listens itself
    if (!isForWebSocket(request)) return readAgain(server, request, socket, head);
    if (path === "/sync" && allowOrigin(request.headers.origin, request.headers.host))
      return webSocket.upgrade(request, socket, head);
    // A peer that goes away here has nothing to be told.
    socket.on("error", () => socket.destroy());
    refuseOnSocket(socket, path === "/sync" ? "FOREIGN_ORIGIN" : "NOT_FOUND", newRequestId());
  });
}

function isForWebSocket({ headers }: IncomingMessage): boolean {
  const protocols = (headers.upgrade ?? "").toLowerCase().split(",");
  return protocols.some((protocol) => protocol.trim() === "websocket");
}

/** Gives the server the connection as a new one, on which the same request comes first, without the offer. */
function readAgain(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!/^(connection|upgrade|http2-settings)$/i.test(rawHeaders[i]!))
      lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}
