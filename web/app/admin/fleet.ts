/** The devices of the shop as a manager asks for them: who has not synced, first. Pure. */
import type { FleetDevice } from "./admin-api.ts";

/** Who holds unsent work comes first, the oldest on top; then who needs attention, who is away, the rest; revoked ones last. */
export function sortFleet(devices: readonly FleetDevice[]): FleetDevice[] {
  return devices.toSorted(
    (a, b) =>
      rankOf(a) - rankOf(b) ||
      (a.oldestPendingAt ?? Infinity) - (b.oldestPendingAt ?? Infinity) ||
      a.name.localeCompare(b.name),
  );
}

/** How much of the shop's work the server does not have, as far as it was told. */
export function unsentOf(devices: readonly FleetDevice[]): {
  readonly devices: number;
  readonly writes: number;
  /** Whether all of them are here to tell; of others it is what they held when they were last heard. */
  readonly certain: boolean;
} {
  const holding = devices.filter((device) => holdsUnsent(device));
  return {
    devices: holding.length,
    writes: holding.reduce((sum, { pending }) => sum + (pending ?? 0), 0),
    certain: holding.every(({ online }) => online),
  };
}

/** Names by deviceId. */
export function namesOf(devices: readonly FleetDevice[]): ReadonlyMap<string, string> {
  return new Map(devices.map(({ deviceId, name }) => [deviceId, name]));
}

function rankOf(device: FleetDevice): number {
  if (device.revokedAt !== null && !holdsUnsent(device)) return 4;
  if (holdsUnsent(device)) return 0;
  if (device.attention.length > 0) return 1;
  return device.online ? 3 : 2;
}

function holdsUnsent({ pending }: FleetDevice): boolean {
  return (pending ?? 0) > 0;
}
