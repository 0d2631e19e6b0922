/** The devices of a shop as its fleet page shows them. */
import { isOnline } from "./presence.ts";
import type { DeviceRow } from "./store/device-store.ts";

/** Why a person should look at a device. */
export type Attention =
  /** Its identity is in use on a second machine. */
  | "COPIED"
  /** It does not equal the server. */
  | "DIGESTS_DIFFER"
  /** It holds writes that were rejected. */
  | "WRITES_REJECTED"
  /** It is away, and held unsent writes when it was last seen. */
  | "HOLDS_UNSENT";

/** A device on the fleet page. Times in epoch ms. */
export interface FleetDevice extends Omit<DeviceRow, "status" | "storeId"> {
  readonly online: boolean;
  readonly pending: number | null;
  readonly oldestPendingAt: number | null;
  readonly failed: number | null;
  readonly conflicts: number | null;
  readonly clockOffsetMs: number | null;
  readonly digestsEqual: boolean | null;
  /** How often a comparison with the server failed since its replica was set up. */
  readonly digestMismatches: number | null;
  /** How many seqs its cursor is behind the head; null: it told none. */
  readonly cursorLag: number | null;
  readonly attention: readonly Attention[];
}

/** What the device last told of itself stays, however long it has been away. */
export function fleetDevice(device: DeviceRow, head: number, nowMs: number): FleetDevice {
  const { status, storeId: _storeId, ...row } = device;
  const online = isOnline(device, nowMs);
  return {
    ...row,
    online,
    pending: status.pending ?? null,
    oldestPendingAt: status.oldestPendingAt ?? null,
    failed: status.failed ?? null,
    conflicts: status.conflicts ?? null,
    clockOffsetMs: status.clockOffsetMs ?? null,
    digestsEqual: status.digestsEqual ?? null,
    digestMismatches: status.digestMismatches ?? null,
    cursorLag: row.cursor === null ? null : Math.max(0, head - row.cursor),
    attention: attentionFor(device, online),
  };
}

function attentionFor({ revokedAt, copiedAt, status }: DeviceRow, online: boolean): Attention[] {
  // Somebody has looked.
  if (revokedAt !== null) return [];
  const reasons: [boolean, Attention][] = [
    [copiedAt !== null, "COPIED"],
    [status.digestsEqual === false, "DIGESTS_DIFFER"],
    [(status.failed ?? 0) > 0, "WRITES_REJECTED"],
    [!online && (status.pending ?? 0) > 0, "HOLDS_UNSENT"],
  ];
  return reasons.flatMap(([holds, reason]) => (holds ? reason : []));
}
