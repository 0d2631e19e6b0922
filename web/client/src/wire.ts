/**
 * What comes from the server, checked once at the edge. Control messages go through their schemas; frames are hot and come from a
 * server that is trusted with them: of these only the envelope is looked at.
 */
import { serverMessageSchema, type Changes, type ServerMessage } from "@tillwire/protocol/messages";

/** Null for what is no message of this protocol. */
export function parseServerMessage(value: unknown): ServerMessage | null {
  if (isFrame(value)) return value;
  const parsed = serverMessageSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

function isFrame(value: unknown): value is Changes {
  if (typeof value !== "object" || value === null) return false;
  const { type, from, to, head, syncToken, changes } = value as Record<string, unknown>;
  if (type !== "changes" || typeof syncToken !== "string" || !Array.isArray(changes)) return false;
  return [from, to, head].every((seq) => Number.isSafeInteger(seq));
}
