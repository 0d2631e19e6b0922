/** A link to a server that may be anywhere: text messages over WebSocket or Socket.IO, or, over HTTP, requests that say the same. */
import type { DeviceMessage, ServerMessage } from "@tillwire/protocol/messages";
import { io } from "socket.io-client";
import { WebSocket } from "ws";

export const TRANSPORTS = ["ws", "socket.io", "http"] as const;
export type LoadTransport = (typeof TRANSPORTS)[number];

export interface LoadLink {
  send(message: DeviceMessage): void;
  close(): void;
}
export interface LinkEvents {
  opened(): void;
  heard(text: string): void;
  /** Characters that were sent. */
  sent(size: number): void;
  /** Once, whether it ever was open or not. */
  closed(): void;
}

export function openLoadLink(transport: LoadTransport, url: string, events: LinkEvents): LoadLink {
  switch (transport) {
    case "ws":
      return openWebSocket(url, events);
    case "socket.io":
      return openSocketIo(url, events);
    case "http":
      return new HttpLoadLink(url, events);
  }
}

function sending(events: LinkEvents, send: (text: string) => void): (message: DeviceMessage) => void {
  return (message) => {
    const text = JSON.stringify(message);
    events.sent(text.length);
    send(text);
  };
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
  return { send: sending(events, (text) => socket.send(text)), close: () => socket.terminate() };
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
  return { send: sending(events, (text) => void socket.emit("message", text)), close: () => void socket.disconnect() };
}

const POLL_MS = 1_000;
const TIMEOUT_MS = 30_000;

/** The fallback of devices without a live link: it pulls at an interval, and what it is told sounds as if it came over a live link. */
class HttpLoadLink implements LoadLink {
  readonly #url: string;
  readonly #events: LinkEvents;
  #token = "";
  #syncToken: string | null = null;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, events: LinkEvents) {
    this.#url = url;
    this.#events = events;
    setImmediate(() => events.opened());
  }

  send(message: DeviceMessage): void {
    if (message.type === "hello") {
      this.#token = message.token;
      this.#syncToken = message.syncToken;
      void this.#poll();
    } else if (message.type === "push") {
      const { id, writes } = message;
      void this.#ask("/api/sync/push", id, { id, syncToken: this.#syncToken, writes });
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#events.closed();
    this.#isClosed = true;
  }

  async #poll(): Promise<void> {
    const since = this.#syncToken === null ? "" : `?since=${encodeURIComponent(this.#syncToken)}`;
    const told = await this.#ask(`/api/sync/pull${since}`, undefined, null);
    if (this.#isClosed) return;
    const hasMore = told?.type === "changes" && told.to < told.head;
    this.#timer = setTimeout(() => void this.#poll(), hasMore ? 0 : POLL_MS);
  }

  async #ask(path: string, requestId: string | undefined, body: object | null): Promise<ServerMessage | null> {
    try {
      const text = body === null ? null : JSON.stringify(body);
      this.#events.sent(text?.length ?? 0);
      const response = await fetch(this.#url + path, {
        method: text === null ? "GET" : "POST",
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(text !== null && { "content-type": "application/json" }),
        },
        ...(text !== null && { body: text }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const message = messageOf(response, await response.text(), requestId);
      if (this.#isClosed) return null;
      const told = JSON.parse(message) as ServerMessage;
      if (told.type === "changes") this.#syncToken = told.syncToken;
      if (told.type === "reset") this.#syncToken = null;
      this.#events.heard(message);
      return told;
    } catch {
      this.close();
      return null;
    }
  }
}

/** An answer as the message that a live link would bring. @throws when it is none */
function messageOf({ ok, status, headers }: Response, text: string, requestId: string | undefined): string {
  if (ok) return text;
  const problem = JSON.parse(text) as { code?: string; title?: string; epoch?: string };
  if (status === 409 && problem.code === "RESET")
    return JSON.stringify({ type: "reset", reason: "EPOCH_CHANGED", epoch: problem.epoch ?? "", reoffer: true });
  const retryAfterMs = Number(headers.get("retry-after") ?? 0) * 1_000;
  const retry = status === 401 || status === 403 ? "reauthenticate" : "backoff";
  const error = {
    type: "error",
    code: problem.code ?? `STATUS_${status}`,
    message: problem.title ?? "",
    retry,
    retryAfterMs,
  };
  return JSON.stringify(requestId === undefined ? error : { ...error, requestId });
}
