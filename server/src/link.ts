/** One live connection, whatever carries it. A transport implements Link and tells the session what arrives; it interprets nothing. */
import { ERRORS, type ErrorCode } from "@tillwire/protocol/errors";
import type { ErrorMessage } from "@tillwire/protocol/messages";

export interface Link {
  readonly transport: "websocket" | "socket.io";
  readonly remoteAddress: string;
  /** Bytes accepted by `send` that have not left yet. */
  readonly bufferedBytes: number;
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** What a transport tells. */
export interface LinkListener {
  message(text: string): void;
  /** The transport found something that is no message: binary data, text that is too large. */
  refuse(code: ErrorCode, message: string): void;
  /** A sign of life below the protocol (a WebSocket pong). */
  alive(): void;
  /** The link is gone, however that came. */
  closed(): void;
}

export interface ErrorDetails {
  readonly retryAfterMs?: number;
  /** Of a push: its id. */
  readonly requestId?: string;
}

export function errorMessage(code: ErrorCode, message: string, details: ErrorDetails = {}): ErrorMessage {
  return { type: "error", code, message, retry: ERRORS[code].retry, ...details };
}

/** WebSocket close code of an error that ends a link; null: the link stays. */
export function closeCodeOf(code: ErrorCode): number | null {
  const kind = ERRORS[code];
  return "close" in kind ? kind.close : null;
}
