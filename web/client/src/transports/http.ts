/** The fallback: the same messages as requests. Each answer is a message as the live links would bring it, or a ReplicationError. */
import { ERRORS, ReplicationError, type ErrorCode } from "@tillwire/protocol/errors";
import type { HttpStatus, Write } from "@tillwire/protocol/messages";
import type { Environment } from "../environment.ts";
import { parse } from "./websocket.ts";

const TIMEOUT_MS = 30_000;

export interface HttpLink {
  /** A `pushed` message, or a `reset`. Not checked yet. */
  push(id: string, syncToken: string | null, writes: readonly Write[]): Promise<unknown>;
  /** A `changes` message, or a `reset`. Not checked yet. */
  pull(since: string | null, collections: readonly string[] | undefined): Promise<unknown>;
  /** A `Marking`. Not checked yet. */
  status(body: HttpStatus): Promise<unknown>;
  /** Requests under way fail with UNAVAILABLE. */
  abort(): void;
}

export type HttpHost = Pick<Environment, "fetch" | "setTimer">;

/** @param token read for every request, since it may be renewed */
export function httpLink(url: string, token: () => string, host: HttpHost): HttpLink {
  const underWay = new Set<AbortController>();

  async function ask(path: string, body: object | null): Promise<unknown> {
    const controller = new AbortController();
    underWay.add(controller);
    try {
      return await request(host, new URL(path, url).href, { authorization: `Bearer ${token()}` }, body, controller);
    } finally {
      underWay.delete(controller);
    }
  }

  return {
    push: (id, syncToken, writes) => ask("/api/sync/push", { id, syncToken, writes }),
    pull(since, collections) {
      const query = new URLSearchParams();
      if (since !== null) query.set("since", since);
      if (collections) query.set("collections", collections.join(","));
      const text = query.toString();
      return ask(`/api/sync/pull${text === "" ? "" : `?${text}`}`, null);
    },
    status: (body) => ask("/api/sync/status", body),
    abort() {
      for (const controller of underWay) controller.abort();
    },
  };
}

/**
 * One request that ends within 30 s.
 * @param body null: GET
 * @throws ReplicationError
 */
export async function request(
  host: HttpHost,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: object | null,
  controller = new AbortController(),
): Promise<unknown> {
  const cancelTimer = host.setTimer(() => controller.abort(), TIMEOUT_MS);
  const { signal } = controller;
  try {
    const response = await host.fetch(
      url,
      body
        ? {
            method: "POST",
            headers: { ...headers, "content-type": "application/json" },
            body: JSON.stringify(body),
            signal,
          }
        : { method: "GET", headers: { ...headers }, signal },
    );
    return answer(response.status, response.headers.get("retry-after"), parse(await response.text()));
  } catch (error) {
    if (error instanceof ReplicationError) throw error;
    throw new ReplicationError("UNAVAILABLE", signal.aborted ? "no answer in time" : "the server can't be reached");
  } finally {
    cancelTimer();
  }
}

/** @throws ReplicationError for whatever is neither a message nor a reset */
export function answer(status: number, retryAfter: string | null, body: unknown): unknown {
  if (status >= 200 && status < 300) {
    // A captive portal answers 200 with a page of its own.
    if (body === undefined) throw new ReplicationError("UNAVAILABLE", "the answer is no JSON");
    return body;
  }
  const problem = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const code = codeOf(problem["code"], status);
  if (code === "RESET") return resetOf(problem);
  const seconds = Number(retryAfter ?? Number.NaN);
  const detail = typeof problem["detail"] === "string" ? problem["detail"] : `status ${status}`;
  throw new ReplicationError(code, detail, Number.isFinite(seconds) ? seconds * 1000 : undefined);
}

function resetOf(problem: Record<string, unknown>): unknown {
  const epoch = typeof problem["epoch"] === "string" ? problem["epoch"] : "";
  return { type: "reset", reason: "EPOCH_CHANGED", epoch, reoffer: problem["reoffer"] !== false };
}

function codeOf(code: unknown, status: number): ErrorCode {
  if (typeof code === "string" && Object.hasOwn(ERRORS, code)) return code as ErrorCode;
  switch (status) {
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "FORBIDDEN";
    case 413:
      return "TOO_LARGE";
    case 426:
      return "PROTOCOL_VERSION";
    case 429:
      return "RATE_LIMITED";
    default:
      return "UNAVAILABLE";
  }
}
