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

type DigestStatus = Pick<DeviceStatus, "digestsEqual" | "digestMismatches">;

const FLUSH_MS = 2_000;

export function createDeviceStatusWriter(
  devices: DeviceStore,
  runtime: Runtime,
  onError: (error: unknown) => void,
): DeviceStatusWriter {
  const waiting = new Map<string, StatusUpdate>();
  const timer = runtime.setInterval(() => void flush(), FLUSH_MS);
  timer.unref();
  let writing: Promise<void> | null = null;

  function merge(update: StatusUpdate): void {
    const key = `${update.storeId}/${update.deviceId}`;
    const earlier = waiting.get(key);
    waiting.set(key, {
      ...update,
      cursor: update.cursor ?? earlier?.cursor ?? null,
      app: update.app ?? earlier?.app ?? null,
      status: { ...earlier?.status, ...update.status },
    });
  }

  async function write(): Promise<void> {
    const updates = [...waiting.values()];
    waiting.clear();
    if (updates.length === 0) return;
    try {
      await devices.saveStatus(updates);
    } catch (error) {
      onError(error);
      const later = [...waiting.values()];
      waiting.clear();
      for (const update of [...updates, ...later]) merge(update);
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
