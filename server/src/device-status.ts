/** What devices tell of themselves, gathered and written once every two seconds: a heartbeat is no reason for a tx. */
import type { DeviceStatus } from "@tillwire/protocol/messages";
import type { Device } from "./auth.ts";
import type { Runtime } from "./runtime.ts";
import type { DeviceStore, KeptStatus, StatusUpdate } from "./store/device-store.ts";

export interface StatusNews {
  readonly cursor?: number | undefined;
  readonly status?: KeptStatus;
  readonly app?: { readonly name: string; readonly version: string } | undefined;
}

export interface DeviceStatusWriter {
  seen(device: Device, news: StatusNews): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Gathers what comes until it is written. */
interface Waiting extends StatusUpdate {
  at: number;
  cursor: number | null;
  app: StatusUpdate["app"];
  readonly status: KeptStatus;
}

type DigestStatus = Pick<DeviceStatus, "digestsEqual" | "digestMismatches">;

const FLUSH_MS = 2_000;

export function createDeviceStatusWriter(
  devices: DeviceStore,
  runtime: Runtime,
  onError: (error: unknown) => void,
): DeviceStatusWriter {
  let waiting = new Map<string, Waiting>();
  const timer = runtime.setInterval(() => void flush(), FLUSH_MS);
  timer.unref();
  let writing: Promise<void> | null = null;

  function merge(update: StatusUpdate): void {
    const { at, cursor, app, status } = update;
    const key = `${update.storeId}/${update.deviceId}`;
    const earlier = waiting.get(key);
    if (!earlier) return void waiting.set(key, { ...update, status: { ...status } });
    earlier.at = at;
    earlier.cursor = cursor ?? earlier.cursor;
    earlier.app = app ?? earlier.app;
    Object.assign(earlier.status, status);
  }

  async function write(): Promise<void> {
    const updates = waiting;
    waiting = new Map();
    if (updates.size === 0) return;
    try {
      await devices.saveStatus([...updates.values()]);
    } catch (error) {
      onError(error);
      const later = waiting;
      waiting = updates;
      for (const update of later.values()) merge(update);
    }
  }

  async function flush(): Promise<void> {
    if (writing) return writing;
    writing = write().finally(() => (writing = null));
    return writing;
  }

  return {
    seen({ storeId, deviceId }, news) {
      merge({
        storeId,
        deviceId,
        at: runtime.now(),
        cursor: news.cursor ?? null,
        status: news.status ?? {},
        app: news.app ?? null,
      });
    },
    flush,
    async close() {
      runtime.clearInterval(timer);
      await writing;
      await flush();
    },
  };
}

/**
 * How many mismatches a status tells of that the one before, of the same session, did not: a status is sent with every heartbeat. Devices that
 * don't count them tell of one when they cease to be equal.
 */
export function newMismatches(before: DigestStatus, told: DigestStatus): number {
  if (told.digestMismatches !== undefined && before.digestMismatches !== undefined)
    return Math.max(0, told.digestMismatches - before.digestMismatches);
  return told.digestsEqual === false && before.digestsEqual !== false ? 1 : 0;
}

/** The part of a status message that is kept; the clock becomes an offset, which stays true. */
export function keptStatus({ cursor: _cursor, clock, ...status }: DeviceStatus, nowMs: number): KeptStatus {
  // As far off as a message can say.
  return clock === undefined ? status : { ...status, clockOffsetMs: Math.max(clock - nowMs, Number.MIN_SAFE_INTEGER) };
}
