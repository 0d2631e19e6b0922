/** Plain WebSocket at /sync: one text frame, one message. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import type { Link, LinkListener } from "../link.ts";
import type { Runtime } from "../runtime.ts";

export interface LiveTransport {
  /** Waits a moment for links that are closing, then ends what is left of them. */
  close(): Promise<void>;
}

export interface LiveTransportOptions {
  /** null: turned away. */
  readonly open: (link: Link) => LinkListener | null;
  readonly runtime: Runtime;
  readonly log: Logger;
}

export interface WebSocketTransport extends LiveTransport {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/**
 * ws's defaults keep a compressor a link; these were measured at 20 times the speed. Each link compresses by itself, which costs more
 * than all else that a delivery costs: pages of a catch-up are worth it, live frames are not.
 */
export const COMPRESSION = {
  ...{ serverNoContextTakeover: true, clientNoContextTakeover: true },
  // Half the work of the default for frames that are an eighth larger.
  zlibDeflateOptions: { level: 3 },
  /** Bytes. */
  threshold: 16 * 1024,
} as const;
/** After a close frame, the peer has this long to answer. */
const CLOSE_PATIENCE_MS = 2_000;

export function createWebSocketTransport(options: LiveTransportOptions): WebSocketTransport {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: COMPRESSION,
    maxPayload: LIMITS.messageBytes,
  });
  const pings = options.runtime.setInterval(() => {
    for (const socket of server.clients) if (socket.readyState === socket.OPEN) socket.ping();
  }, LIMITS.heartbeatMs);
  pings.unref();
  const bytesOf = rememberLast((text: string) => Buffer.from(text));
  server.on("connection", (socket: WebSocket, request: IncomingMessage) => attach(socket, request, bytesOf, options));
  server.on("wsClientError", (_error, socket) => socket.destroy());
  return {
    upgrade: (request, socket, head) =>
      server.handleUpgrade(request, socket, head, (client) => server.emit("connection", client, request)),
    async close() {
      options.runtime.clearInterval(pings);
      await soon(options.runtime, () => server.clients.size === 0);
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

/** A broadcast goes to all links, one after the other: it is made bytes of once. */
function rememberLast<T>(make: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly made: T } | null = null;
  return (text) => {
    if (last?.text !== text) last = { text, made: make(text) };
    return last.made;
  };
}

function attach(
  socket: WebSocket,
  request: IncomingMessage,
  bytesOf: (text: string) => Buffer,
  { open, runtime, log }: LiveTransportOptions,
): void {
  const listener = open({
    transport: "websocket",
    remoteAddress: request.socket.remoteAddress ?? "",
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(text) {
      // The callback takes the error of a socket that went away: `close` tells.
      if (socket.readyState === socket.OPEN) socket.send(bytesOf(text), { binary: false }, () => undefined);
    },
    close(code, reason) {
      socket.close(code, reason.slice(0, 120));
      runtime.setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS).unref();
    },
  });
  socket.on("error", (error: Error & { code?: string }) => {
    // ws closes with the right code by itself (1009 too large, 1002 and 1007 for what is no WebSocket); the error message goes first if it can
    if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH")
      listener?.refuse("TOO_LARGE", `a message holds at most ${LIMITS.messageBytes} bytes`);
    else log.debug({ code: error.code }, "A WebSocket failed");
  });
  socket.on("message", (data, isBinary) => {
    if (isBinary) listener?.refuse("BINARY", "every message is text");
    else listener?.message((data as Buffer).toString("utf8"));
  });
  socket.on("pong", () => listener?.alive());
  socket.on("close", () => listener?.closed());
}

/** Resolves when it holds, or after a second. */
export async function soon(runtime: Runtime, holds: () => boolean): Promise<void> {
  for (let waits = 0; waits < 50 && !holds(); waits++)
    await new Promise<void>((resolve) => runtime.setTimeout(resolve, 20));
}
