/**
 * Who is there, told to the sessions that asked: changes only, gathered over a second. The table of devices is the truth, so that
 * devices on other nodes appear too; sessions of this node are fresher and overlay it.
 */
import { LIMITS } from "@tillwire/protocol/limits";
import type { PresentDevice } from "@tillwire/protocol/messages";
import type { Runtime } from "./runtime.ts";
import type { DeviceRow } from "./store/device-store.ts";

export interface PresenceWatcher {
  send(text: string): void;
}

/** What this node knows of a device from its sessions. */
export interface LivePresence {
  readonly cursor: number | null;
  readonly pending: number | null;
  readonly clockOffsetMs: number | null;
}

export interface PresenceOptions {
  readonly listDevices: () => Promise<DeviceRow[]>;
  /** By deviceId: the devices with a session on this node. */
  readonly live: () => ReadonlyMap<string, LivePresence>;
  readonly runtime: Runtime;
  readonly onError: (error: unknown) => void;
}

const GATHER_MS = 1_000;
/** Clocks jitter; only a step is news. */
const CLOCK_STEP_MS = 2_000;

export class StorePresence {
  readonly #options: PresenceOptions;
  readonly #watchers = new Set<PresenceWatcher>();
  // watchers that have not had the whole list yet
  readonly #newcomers = new Set<PresenceWatcher>();
  #told = new Map<string, PresentDevice>();
  // When the last session of a device ended here: the table hears of it a little later.
  readonly #leftAt = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  watch(watcher: PresenceWatcher): void {
    this.#watchers.add(watcher);
    this.#newcomers.add(watcher);
    void this.#tell();
  }

  unwatch(watcher: PresenceWatcher): void {
    this.#watchers.delete(watcher);
    this.#newcomers.delete(watcher);
  }

  left(deviceId: string): void {
    this.#leftAt.set(deviceId, this.#options.runtime.now());
    this.changed();
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#timer !== undefined || this.#watchers.size === 0) return;
    this.#timer = this.#options.runtime.setTimeout(() => {
      this.#timer = undefined;
      void this.#tell();
    }, GATHER_MS);
  }

  close(): void {
    this.#options.runtime.clearTimeout(this.#timer);
    this.#watchers.clear();
  }

  async #tell(): Promise<void> {
    if (this.#watchers.size === 0) return;
    try {
      const rows = (await this.#options.listDevices()).map((row) => this.#withoutLeft(row));
      const devices = presentDevices(rows, this.#options.live(), this.#options.runtime.now());
      const changed = devices.filter((device) => isNews(device, this.#told.get(device.deviceId)));
      for (const device of changed) this.#told.set(device.deviceId, device);
      const news = [...changed, ...this.#gone(devices)];
      for (const watcher of this.#watchers) {
        const list = this.#newcomers.delete(watcher) ? devices : news;
        if (list.length > 0) watcher.send(JSON.stringify({ type: "presence", devices: list }));
      }
    } catch (error) {
      this.#options.onError(error);
      this.changed();
    }
  }

  /** Who was revoked is told of once more: as away. */
  #gone(devices: readonly PresentDevice[]): PresentDevice[] {
    const there = new Set(devices.map(({ deviceId }) => deviceId));
    const gone = [...this.#told.values()].filter(({ deviceId }) => !there.has(deviceId));
    for (const { deviceId } of gone) this.#told.delete(deviceId);
    return gone.map((device) => ({ ...device, online: false }));
  }

  #withoutLeft(row: DeviceRow): DeviceRow {
    const leftAt = this.#leftAt.get(row.deviceId);
    if (leftAt === undefined || (row.lastSeenAt ?? 0) > leftAt) return row;
    return { ...row, status: { ...row.status, online: false } };
  }
}

/**
 * The devices as the message tells them.
 * @param live by deviceId, from sessions of this node
 */
export function presentDevices(
  rows: readonly DeviceRow[],
  live: ReadonlyMap<string, LivePresence>,
  nowMs: number,
): PresentDevice[] {
  return rows
    .filter((row) => row.revokedAt === null)
    .map((row) => {
      const here = live.get(row.deviceId);
      return {
        deviceId: row.deviceId,
        name: row.name,
        role: row.role,
        online: here !== undefined || isOnline(row, nowMs),
        cursor: here?.cursor ?? row.cursor,
        pending: here?.pending ?? row.status.pending ?? null,
        lastSeenAt: here ? nowMs : row.lastSeenAt,
        clockOffsetMs: here?.clockOffsetMs ?? row.status.clockOffsetMs ?? null,
        ...(row.copiedAt !== null && { copied: true }),
      };
    });
}

export function isOnline(row: DeviceRow, nowMs: number): boolean {
  return row.status.online === true && row.lastSeenAt !== null && nowMs - row.lastSeenAt < LIMITS.deadAfterMs;
}

// lastSeenAt alone is no news: it moves with every heartbeat.
function isNews(now: PresentDevice, told: PresentDevice | undefined): boolean {
  if (!told) return true;
  const clockStep = Math.abs((now.clockOffsetMs ?? 0) - (told.clockOffsetMs ?? 0));
  return (
    now.online !== told.online ||
    now.cursor !== told.cursor ||
    now.pending !== told.pending ||
    now.name !== told.name ||
    now.role !== told.role ||
    now.copied !== told.copied ||
    clockStep > CLOCK_STEP_MS
  );
}
