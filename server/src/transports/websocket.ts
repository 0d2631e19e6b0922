/** Plain WebSocket at /sync: one text frame, one message. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Logger } from "pino";
import { WebSocket, WebSocketServer, type RawData } from "ws";
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

/**
 * Seconds in which one side said nothing, after which the link is pinged: more than a device's heartbeat takes, so that a device that has one
 * needs no ping, and little enough that the answer comes before the link counts as dead.
 */
const PING_AFTER_S = 20;

export function createWebSocketTransport({ open, runtime, log }: LiveTransportOptions): WebSocketTransport {
  const server = new WebSocketServer<typeof SyncSocket>({
    noServer: true,
    perMessageDeflate: COMPRESSION,
    maxPayload: LIMITS.messageBytes,
    WebSocket: SyncSocket,
  });
  const pings = runtime.setInterval(() => {
    for (const socket of server.clients) socket.link?.secondPassed();
  }, 1_000);
  pings.unref();
  const services = { runtime, log, bytesOf: rememberLast((text: string) => Buffer.from(text)) };
  server.on("connection", (socket, request) => {
    const link = new WebSocketLink(socket, request.socket.remoteAddress ?? "", services);
    socket.link = link;
    link.listener = open(link);
    listen(socket);
  });
  server.on("wsClientError", (_error, socket) => socket.destroy());
  return {
    upgrade: (request, socket, head) =>
      server.handleUpgrade(request, socket, head, (client) => server.emit("connection", client, request)),
    async close() {
      runtime.clearInterval(pings);
      await soon(runtime, () => server.clients.size === 0);
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

interface LinkServices extends Pick<LiveTransportOptions, "runtime" | "log"> {
  bytesOf(text: string): Buffer;
}

/** Knows its link, so that all sockets share their event handlers: thousands of links weigh what each of them holds. */
class SyncSocket extends WebSocket {
  link: WebSocketLink | null = null;
}

class WebSocketLink implements Link {
  /** null: turned away. */
  listener: LinkListener | null = null;
  readonly remoteAddress: string;
  readonly #socket: WebSocket;
  readonly #services: LinkServices;
  #heardSecondsAgo = 0;
  #saidSecondsAgo = 0;

  constructor(socket: WebSocket, remoteAddress: string, services: LinkServices) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
    this.#services = services;
  }

  get transport(): "websocket" {
    return "websocket";
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: string): void {
    this.#saidSecondsAgo = 0;
    // The callback takes the error of a socket that went away: `close` tells.
    if (this.#isOpen()) this.#socket.send(this.#services.bytesOf(text), AS_TEXT, ignoreError);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason.slice(0, 120));
    this.#services.runtime.setTimeout(() => this.#socket.terminate(), CLOSE_PATIENCE_MS).unref();
  }

  heard(): void {
    this.#heardSecondsAgo = 0;
  }

  /** Whoever is silent is asked for a sign of life, and whoever heard nothing is given one. */
  secondPassed(): void {
    const silentS = Math.max((this.#heardSecondsAgo += 1), (this.#saidSecondsAgo += 1));
    if (silentS < PING_AFTER_S || !this.#isOpen()) return;
    this.#heardSecondsAgo = this.#saidSecondsAgo = 0;
    this.#socket.ping();
  }

  failed(error: Error & { code?: string }): void {
    // ws closes with the right code by itself (1009 too large, 1002 and 1007 for what is no WebSocket); the error message goes first if it can
    if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH")
      this.listener?.refuse("TOO_LARGE", `a message holds at most ${LIMITS.messageBytes} bytes`);
    else this.#services.log.debug({ code: error.code }, "A WebSocket failed");
  }

  #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }
}

const AS_TEXT = { binary: false } as const;
const ignoreError = (): void => undefined;

/** The handlers find their link by the socket that they are called on. */
function listen(socket: SyncSocket): void {
  socket.on("error", onError);
  socket.on("message", onMessage);
  socket.on("pong", onPong);
  socket.on("close", onClose);
}

function onError(this: WebSocket, error: Error): void {
  linkOf(this).failed(error);
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const link = linkOf(this);
  link.heard();
  if (isBinary) link.listener?.refuse("BINARY", "every message is text");
  else link.listener?.message((data as Buffer).toString("utf8"));
}

function onPong(this: WebSocket): void {
  linkOf(this).listener?.alive();
}

function onClose(this: WebSocket): void {
  linkOf(this).listener?.closed();
}

function linkOf(socket: WebSocket): WebSocketLink {
  return (socket as SyncSocket).link!;
}

/** Resolves when it holds, or after a second. */
export async function soon(runtime: Runtime, holds: () => boolean): Promise<void> {
  for (let waits = 0; waits < 50 && !holds(); waits++)
    await new Promise<void>((resolve) => runtime.setTimeout(resolve, 20));
}
