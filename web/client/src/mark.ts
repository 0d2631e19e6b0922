/**
 * The mark of this local database: every welcome gives another one, and the next hello presents it; so does the status of one that polls. Two machines that hold copies of one
 * database can't both present the latest; the server then warns, in welcome and presence, and nothing else changes.
 */
import type { PresentDevice } from "@tillwire/protocol/messages";
import type { Transact } from "./fenced.ts";
import type { SyncRow } from "./local-store.ts";
import { asDevice } from "./own-devices.ts";

/** What a hello of this device presents; null: none was given to it here. Another device's would tell of a copy that is none. */
export function markOf({ mark }: SyncRow, deviceId: string): string | null {
  return mark?.deviceId === deviceId ? mark.value : null;
}

/** Strict: the server takes the mark before the last one as well, but were two lost to a power cut, it would warn for nothing. */
export async function keepMark(
  transact: Transact,
  { mark, deviceId, copied = false }: { mark?: string | undefined; deviceId: string; copied?: boolean | undefined },
): Promise<void> {
  await transact(async (tx, sync) => {
    const value = mark === undefined ? {} : { mark: { deviceId, value: mark } };
    const own = asDevice(sync, deviceId);
    if (mark !== undefined || own !== sync || (sync.copied ?? false) !== copied)
      tx.setMeta("sync", { ...own, ...value, copied });
  }, "strict");
}

/** What the others are told of this device holds for it, too. */
export async function heedPresence(
  transact: Transact,
  known: SyncRow,
  devices: readonly PresentDevice[],
  deviceId: string,
): Promise<void> {
  const own = devices.find((device) => device.deviceId === deviceId);
  if (!own || (own.copied ?? false) === (known.copied ?? false)) return;
  await transact(async (tx, sync) => tx.setMeta("sync", { ...sync, copied: own.copied ?? false }));
}
