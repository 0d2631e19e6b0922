/** The live link over plain WebSocket: one text frame per message, at `/sync`. */
import type { LinkEvents, OpenLink } from "./link.ts";

/** The part of the standard WebSocket that is used; `ws` in Node has it too. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** @param open makes the socket, for example `(url) => new WebSocket(url)` */
export function webSocketLinks(open: (url: string) => WebSocketLike): OpenLink {
  return (url, events) => {
    const target = new URL("/sync", url);
    target.protocol = target.protocol.replace("http", "ws");
    const socket = open(target.href);
    const end = listen(socket, events);
    return {
      send: (message) => socket.send(JSON.stringify(message)),
      close() {
        end();
        socket.close(1000);
      },
    };
  };
}

/** @returns stops all events */
function listen(socket: WebSocketLike, events: LinkEvents): () => void {
  let ended = false;
  socket.onopen = () => {
    if (!ended) events.opened();
  };
  socket.onmessage = (event: { data: unknown }) => {
    if (!ended && typeof event.data === "string") events.received(parse(event.data));
  };
  socket.onclose = (event: { code: number; reason: string }) => {
    if (ended) return;
    ended = true;
    events.closed({ code: event.code, reason: event.reason });
  };
  // `close` follows with the code; without a listener Node would end the process.
  socket.onerror = () => undefined;
  return () => {
    ended = true;
  };
}

/** What is no JSON is no message either: undefined. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
