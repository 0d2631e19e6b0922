/** What the doors read from a request. */
import { ReplicationError } from "@tillwire/protocol/errors";
import type { FastifyRequest } from "fastify";
import type * as z from "zod/mini";
import type { Device } from "../auth.ts";
import { LARGE_TEXT, type Turns } from "../turns.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who sends it, where that was asked for before the body was read. */
    device: Device | null;
  }
}

export function bearerToken(request: FastifyRequest): string | null {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "");
  return match ? match[1]! : null;
}

/** A body that is to be read when its shop's turn comes. */
class LargeBody {
  constructor(readonly text: string) {}
}

/** What a body is before its door looks at it. @throws ReplicationError NOT_JSON */
export function bodyFromText(text: string): unknown {
  if (text === "") return undefined;
  return text.length > LARGE_TEXT ? new LargeBody(text) : fromJson(text);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReplicationError("NOT_JSON", "the body is not JSON");
  }
}

/** Reads a body that may be large: that of a shop which sends much keeps nobody waiting but its own. @throws what `read` throws, NOT_JSON */
export async function readInTurn<T>(
  turns: Turns,
  { storeId }: Device,
  { body }: FastifyRequest,
  read: (body: unknown) => T,
): Promise<T> {
  if (!(body instanceof LargeBody)) return read(body);
  return new Promise((resolve, reject) => {
    turns.one(storeId, () => {
      try {
        resolve(read(fromJson(body.text)));
      } catch (error) {
        reject(error instanceof Error ? error : new Error("the body could not be read", { cause: error }));
      }
    });
  });
}

/** @throws ReplicationError MALFORMED with the first thing that is wrong */
export function parseBody<T>(schema: z.ZodMiniType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ReplicationError("MALFORMED", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
}

/** One value of a query parameter; null: absent or empty. @throws ReplicationError MALFORMED for a repeated one */
export function queryValue(request: FastifyRequest, name: string): string | null {
  const value: unknown = new Map(Object.entries(request.query as object)).get(name);
  if (value === undefined || value === "") return null;
  if (typeof value !== "string") throw new ReplicationError("MALFORMED", `${name} stands there twice`);
  return value;
}

/** A query parameter that a schema checks; null: absent or empty. @throws ReplicationError UNPROCESSABLE, MALFORMED for a repeated one */
export function queryChecked<T>(request: FastifyRequest, name: string, schema: z.ZodMiniType<T>): T | null {
  const value = queryValue(request, name);
  return value === null ? null : checked(name, value, schema);
}

/** @throws ReplicationError UNPROCESSABLE */
export function checked<T>(name: string, value: string, schema: z.ZodMiniType<T>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ReplicationError("UNPROCESSABLE", `${name}: ${parsed.error.issues[0]?.message ?? "invalid"}`);
}

/** @throws ReplicationError MALFORMED */
export function queryNumber(request: FastifyRequest, name: string): number | null {
  const value = queryValue(request, name);
  if (value === null) return null;
  if (!/^\d{1,15}$/.test(value)) throw new ReplicationError("MALFORMED", `${name} is no number`);
  return Number(value);
}
