/**
 * Which devices this local database was: one that is enrolled anew may come back under another id, and what it wrote as the former one is
 * its own all the same. Pure.
 */
import type { SyncRow } from "./local-store.ts";

/** One comes with each enrolment, and nobody enrols one register often. */
const MOST = 16;

/** The sync row of a database that is this device now; the very same row if it knew. */
export function asDevice(sync: SyncRow, deviceId: string): SyncRow {
  const known = ownDevices(sync);
  if (sync.devices && known.at(-1) === deviceId) return sync;
  return { ...sync, devices: [...known.filter((each) => each !== deviceId), deviceId].slice(-MOST) };
}

/** The latest last. A database from before they were noted knows the one that its mark was given to. */
export function ownDevices({ devices, mark }: SyncRow): readonly string[] {
  return devices ?? (mark ? [mark.deviceId] : []);
}
