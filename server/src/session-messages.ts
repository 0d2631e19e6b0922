/** Text in, message out; and the welcome. */
import { compiledDeviceMessageSchema } from "@tillwire/protocol/compiled-schemas";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS, WIRE_LIMITS } from "@tillwire/protocol/limits";
import type { DeviceMessage, Hello, Welcome } from "@tillwire/protocol/messages";
import { PROTOCOL_VERSION } from "@tillwire/protocol/version";
import type { Device } from "./auth.ts";
import type { Marking } from "./marks.ts";

/** @throws ReplicationError NOT_JSON, PROTOCOL_VERSION, MALFORMED */
export function parseMessage(text: string): DeviceMessage {
  return messageOf(fromJson(text));
}

/** @throws ReplicationError UNAUTHENTICATED for anything else, whether or not it is a message; what parseMessage throws */
export function parseHello(text: string): Hello {
  const value = fromJson(text);
  const message = (value as { type?: unknown } | null)?.type === "hello" ? messageOf(value) : null;
  if (message?.type !== "hello") throw new ReplicationError("UNAUTHENTICATED", "hello comes first");
  return message;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReplicationError("NOT_JSON", "not JSON");
  }
}

function messageOf(value: unknown): DeviceMessage {
  // Another version's hello may look otherwise; all of them say which they are.
  const named = value as { type?: unknown; protocol?: unknown } | null;
  if (named?.type === "hello" && typeof named.protocol === "number" && named.protocol !== PROTOCOL_VERSION) {
    throw new ReplicationError("PROTOCOL_VERSION", `this server speaks protocol ${PROTOCOL_VERSION}`);
  }
  const parsed = compiledDeviceMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ReplicationError("MALFORMED", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a message"}`);
}

export function welcomeOf(
  { storeId, deviceId }: Device,
  at: { epoch: string; head: number; clock: number },
  marking: Marking,
): Welcome {
  return {
    type: "welcome",
    protocol: PROTOCOL_VERSION,
    storeId,
    deviceId,
    ...at,
    heartbeatMs: LIMITS.heartbeatMs,
    ...marking,
    limits: WIRE_LIMITS,
  };
}
