/** A request that fails as a whole: RFC 9457 problem JSON. Never SQL, never payloads. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ERRORS, ReplicationError, type ErrorCode } from "@tillwire/protocol/errors";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ResetRequired } from "../feed.ts";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly requestId: string;
  /** With code RESET: as in the message `reset`. */
  readonly reason?: string;
  readonly epoch?: string;
  readonly reoffer?: boolean;
}

// What fastify finds before a door is reached.
const FASTIFY_CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "UNSUPPORTED_MEDIA_TYPE"],
  ["FST_ERR_CTP_BODY_TOO_LARGE", "TOO_LARGE"],
  ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", "MALFORMED"],
  ["FST_ERR_BAD_URL", "MALFORMED"],
  ["FST_ERR_ROUTE_MAX_PARAM_LENGTH_EXCEEDED", "NOT_FOUND"],
]);

/** @returns null for an error that is a fault of the server's own */
export function replicationErrorOf(error: Error): ReplicationError | null {
  if (error instanceof ReplicationError) return error;
  const { code, statusCode } = error as Partial<FastifyError>;
  const known = code === undefined ? undefined : FASTIFY_CODES.get(code);
  if (known) return new ReplicationError(known, STATUS_CODES[ERRORS[known].status] ?? known);
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
    ? new ReplicationError("MALFORMED", "the request is malformed")
    : null;
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: ReplicationError): FastifyReply {
  const { status } = ERRORS[error.code];
  const problem: Problem = {
    ...problemOf(error, request.id),
    ...(error instanceof ResetRequired && {
      reason: error.reset.reason,
      epoch: error.reset.epoch,
      reoffer: error.reset.reoffer,
    }),
  };
  if (status === 429 || status === 503) reply.header("retry-after", Math.ceil((error.retryAfterMs ?? 1_000) / 1_000));
  if (status === 401) reply.header("www-authenticate", "Bearer");
  return reply.code(status).type("application/problem+json").send(JSON.stringify(problem));
}

function problemOf({ code, message }: ReplicationError, requestId: string): Problem {
  const { status } = ERRORS[code];
  const title = STATUS_CODES[status] ?? code;
  return { type: `urn:tillwire:error:${code}`, title, status, code, detail: message, requestId };
}

/** Where there is no request to answer: says so, and ends the connection, whatever the peer does with its half of it. */
export function refuseOnSocket(socket: Duplex, code: ErrorCode, requestId: string): void {
  const { status } = ERRORS[code];
  const title = STATUS_CODES[status] ?? code;
  const body = JSON.stringify(problemOf(new ReplicationError(code, title), requestId));
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    "Connection: close",
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  if (!socket.writable) return void socket.destroy();
  socket.once("finish", () => socket.destroy());
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
