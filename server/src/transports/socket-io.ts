/**
 * Socket.IO at /socket.io: WebSocket first, long polling where proxies allow nothing else. The one event `message` carries JSON text
 * both ways. It knows no close codes: the error message that goes before a disconnect says why.
 */
import type { Server as HttpServer } from "node:http";
import { LIMITS } from "@tillwire/protocol/limits";
import { Server, type Socket } from "socket.io";
import type { LinkListener } from "../link.ts";
import type { OriginCheck } from "../origin.ts";
import { COMPRESSION, soon, type LiveTransport, type LiveTransportOptions } from "./websocket.ts";

export const SOCKET_IO_PATH = "/socket.io";
/** A client that takes nothing is not waited for. */
const CLOSE_PATIENCE_MS = 2_000;

export interface SocketIoOptions extends LiveTransportOptions {
  readonly httpServer: HttpServer;
  readonly allowOrigin: OriginCheck;
}

export function createSocketIoTransport(options: SocketIoOptions): LiveTransport {
  const { allowOrigin, httpServer } = options;
  const io = new Server(httpServer, {
    path: SOCKET_IO_PATH,
    serveClient: false,
    transports: ["polling", "websocket"],
    // Whoever opens a connection and then says nothing.
    connectTimeout: LIMITS.helloTimeoutMs,
    pingInterval: LIMITS.heartbeatMs,
    pingTimeout: LIMITS.deadAfterMs - LIMITS.heartbeatMs,
    maxHttpBufferSize: LIMITS.messageBytes,
    perMessageDeflate: COMPRESSION,
    // Other upgrades on this server are not Socket.IO's to end.
    destroyUpgrade: false,
    cors: { origin: (origin, done) => done(null, origin !== undefined) },
    // `cors` does not stop a foreign page's WebSocket (INVARIANTS.md, trap 11); this does.
    allowRequest: (request, done) => {
      const allowed = allowOrigin(request.headers.origin, request.headers.host);
      done(allowed ? null : "FOREIGN_ORIGIN", allowed);
    },
  });
  io.on("connection", (socket) => attach(socket, options));
  return {
    async close() {
      await soon(options.runtime, () => io.engine.clientsCount === 0);
      // The HTTP server is not Socket.IO's either.
      io.disconnectSockets(true);
      io.engine.close();
    },
  };
}

/** Connections that carry a link, or did. */
const used = new WeakSet<object>();

function attach(socket: Socket, { open, runtime, log }: SocketIoOptions): void {
  const { conn } = socket;
  // One connection, one link: what a peer opened and left on it again and again would add up until it goes.
  if (used.has(conn)) return void conn.close(true);
  used.add(conn);
  const sent = countBuffered(conn);
  const listener: LinkListener | null = open({
    transport: "socket.io",
    remoteAddress: conn.remoteAddress,
    get bufferedBytes() {
      return sent.bytes();
    },
    send(text) {
      sent.add(text.length);
      socket.emit("message", text);
    },
    close(_code, _reason) {
      socket.disconnect(true);
      runtime.setTimeout(() => conn.close(true), CLOSE_PATIENCE_MS).unref();
    },
  });
  socket.use(([event, text, ...rest], _next) => {
    // Answers as a middleware, so that no event name is dispatched on.
    if (event !== "message" || rest.length > 0)
      listener?.refuse("MALFORMED", "the one event is `message`, with one text");
    else if (typeof text === "string") listener?.message(text);
    else if (text instanceof Uint8Array) listener?.refuse("BINARY", "every message is text");
    else listener?.refuse("MALFORMED", "a message is JSON text");
  });
  conn.on("heartbeat", () => listener?.alive());
  socket.on("error", (error) => log.debug({ code: error.name }, "A Socket.IO socket failed"));
  socket.on("disconnect", () => {
    listener?.closed();
    conn.close();
  });
}

interface EngineSocket {
  on(event: "flush" | "drain", listener: () => void): unknown;
}

/** engine.io tells no number of bytes: count what was given since the transport last took and finished its packets. */
function countBuffered(conn: EngineSocket): { add(bytes: number): void; bytes(): number } {
  let waiting = 0;
  let inTransport = 0;
  conn.on("flush", () => {
    inTransport += waiting;
    waiting = 0;
  });
  conn.on("drain", () => (inTransport = 0));
  return {
    add: (bytes) => (waiting += bytes),
    bytes: () => waiting + inTransport,
  };
}
