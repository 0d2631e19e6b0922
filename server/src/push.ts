/** A push, over whichever transport: rate, size, submission, metrics. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result } from "@tillwire/protocol/messages";
import type { Submission, SubmittedWrite } from "./accept.ts";
import type { Device } from "./auth.ts";
import type { SessionServices } from "./session-services.ts";

/** @throws ReplicationError RATE_LIMITED with the time to wait */
export function takeTurn({ buckets }: Pick<SessionServices, "buckets">, device: Device): void {
  const waitMs = buckets.take(`${device.storeId}/${device.deviceId}`);
  if (waitMs > 0) throw new ReplicationError("RATE_LIMITED", "too many pushes", waitMs);
}

/** @throws ReplicationError TOO_LARGE */
export function checkPushSize(bytes: number): void {
  if (bytes > LIMITS.pushBytes)
    throw new ReplicationError("TOO_LARGE", `a push holds at most ${LIMITS.pushBytes} bytes`);
}

/**
 * Submits and resolves after the commit.
 * @param requestId of the push, for the log
 * @throws what Accept.submit throws
 */
export async function submitPush(
  services: SessionServices,
  device: Device,
  epoch: string,
  writes: readonly SubmittedWrite[],
  requestId: string,
): Promise<Submission> {
  const { accept, metrics, runtime } = services;
  const startedAt = runtime.now();
  metrics.queueDepth.inc(writes.length);
  try {
    const submission = await accept.submit(device, epoch, writes);
    metrics.pushSeconds.observe((runtime.now() - startedAt) / 1_000);
    logResults(services, device, submission.results, requestId);
    return submission;
  } finally {
    metrics.queueDepth.dec(writes.length);
  }
}

/** People look for conflicts and rejections; the rest is counted. Never data. */
function logResults({ log }: SessionServices, device: Device, results: readonly Result[], requestId: string): void {
  const { storeId, deviceId } = device;
  for (const { outcome, collection, localId, conflict, code } of results) {
    const about = { storeId, deviceId, requestId, collection, localId };
    if (outcome === "conflict") log.warn({ ...about, kind: conflict?.kind }, "Conflict detected");
    else if (outcome === "rejected") log.warn({ ...about, code }, "Write rejected");
  }
}
