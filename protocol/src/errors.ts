/**
 * Every error code of the protocol, with what a device does about it (`retry`), the HTTP status and, where the
 * error ends a link, the WebSocket close code. This table is also the codes' documentation.
 */
export type Retry = "never" | "backoff" | "reauthenticate" | "upgrade";

interface ErrorKind {
  readonly retry: Retry;
  readonly status: number;
  /** WebSocket close code; absent: the link stays open. */
  readonly close?: number;
}

/** Errors of a whole message or request. */
export const ERRORS = {
  /** Not JSON at all. */
  NOT_JSON: { retry: "never", status: 400, close: 1007 },
  /** JSON, but not a message or body that this protocol knows. */
  MALFORMED: { retry: "never", status: 400 },
  /** A binary WebSocket frame; every message is text. */
  BINARY: { retry: "never", status: 400, close: 1003 },
  /** No token, an unknown token, or anything but `hello` first. */
  UNAUTHENTICATED: { retry: "reauthenticate", status: 401, close: 4401 },
  /** The device was revoked; what it still holds stays on it. */
  DEVICE_REVOKED: { retry: "reauthenticate", status: 401, close: 4403 },
  /** The token is good, but not for this: another device's id, another role. */
  FORBIDDEN: { retry: "never", status: 403 },
  /** A browser page of an origin that ALLOWED_ORIGINS does not name. */
  FOREIGN_ORIGIN: { retry: "never", status: 403 },
  NOT_FOUND: { retry: "never", status: 404 },
  METHOD_NOT_ALLOWED: { retry: "never", status: 405 },
  /** The sync token belongs to another epoch: read the feed from 0 and re-offer (see Restores). */
  RESET: { retry: "backoff", status: 409 },
  /** A second push while one is in flight in the same session. */
  PUSH_IN_FLIGHT: { retry: "backoff", status: 409 },
  TOO_LARGE: { retry: "never", status: 413, close: 1009 },
  UNSUPPORTED_MEDIA_TYPE: { retry: "never", status: 415 },
  /** Well-formed, but a value makes no sense: a sync token of other collections, an unknown collection. */
  UNPROCESSABLE: { retry: "never", status: 422 },
  /** The enrolment code is unknown, used up or expired. */
  CODE_INVALID: { retry: "never", status: 422 },
  PROTOCOL_VERSION: { retry: "upgrade", status: 426, close: 4426 },
  RATE_LIMITED: { retry: "backoff", status: 429 },
  /** Too many links of this address that have not said hello. */
  TOO_MANY_LINKS: { retry: "backoff", status: 429, close: 1013 },
  /** The session fell too far behind; it resumes from its cursor. */
  SLOW_CONSUMER: { retry: "backoff", status: 503, close: 1013 },
  /** The database is away or the queue is full. */
  UNAVAILABLE: { retry: "backoff", status: 503 },
  /** The node is draining; another one, or this one after its restart, carries on. */
  SHUTTING_DOWN: { retry: "backoff", status: 503, close: 1012 },
  INTERNAL: { retry: "backoff", status: 500 },
} as const satisfies Record<string, ErrorKind>;
export type ErrorCode = keyof typeof ERRORS;

/** Why a single write was rejected. Its neighbours are not affected; it stays on the device, visible. */
export const REJECTIONS = [
  /** The write's envelope is not one: ids, versions, op. */
  "WRITE_MALFORMED",
  "COLLECTION_UNKNOWN",
  /** The data does not fit the collection's schema. */
  "SCHEMA",
  /** `hash` is not the hash of `data`. */
  "HASH_WRONG",
  "WRITE_TOO_LARGE",
  "JSON_TOO_DEEP",
  /** U+0000 or a lone surrogate: PostgreSQL can't keep them. */
  "TEXT_INVALID",
  /** Infinity, NaN: not JSON numbers. */
  "NUMBER_INVALID",
  /** The device's role may not write this collection. */
  "ROLE",
  /** The collection's guard refuses the step from the current value. */
  "GUARD",
  /** A version beyond 2^31-1 would be needed. */
  "VERSION_EXHAUSTED",
  /** PostgreSQL refused the write for its data. */
  "WRITE_FAILED",
] as const;
export type RejectionCode = (typeof REJECTIONS)[number];

/** The one error class: tests and callers look at `code`, people at `message`. */
export class ReplicationError extends Error {
  readonly retry: Retry;
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
    this.name = "ReplicationError";
    this.retry = ERRORS[code].retry;
  }
}

/** A write that cannot be taken, found while checking its parts. */
export class WriteRejection extends Error {
  constructor(
    readonly code: RejectionCode,
    message: string,
  ) {
    super(message);
    this.name = "WriteRejection";
  }
}

/** For the end of a closed `switch`: a compile error when a case was forgotten. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
