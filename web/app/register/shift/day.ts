/** Whether a report of the whole shop is final: only when no other register can still hold sales. Pure. */
import type { PresentDevice } from "@tillwire/protocol/messages";

/**
 * The registers whose sales may still be missing.
 * @param until epoch ms; whoever was heard of since, with nothing left to send, has told everything up to then
 * @param online whether this register hears anything at all
 */
export function registersBehind(
  devices: readonly PresentDevice[],
  ownId: string,
  until: number,
  online: boolean,
): PresentDevice[] {
  return devices.filter(({ deviceId, role, pending, online: isThere, lastSeenAt }) => {
    if (role !== "register" || deviceId === ownId) return false;
    if (!online || pending !== 0) return true; // null: it never told
    return !isThere && (lastSeenAt ?? 0) < until;
  });
}

/** Midnight of the day on this device's clock. */
export function startOfDay(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}
