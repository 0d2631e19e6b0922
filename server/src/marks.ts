/**
 * Marks tell a copied device: every welcome gives a new one, which the device keeps in its local database, so that of two machines with one
 * identity each comes with a mark that the other has outdated. A warning for people, never a reason to refuse anybody. Who polls presents
 * its mark with its status; existing devices have none, and are not checked.
 */
import type { Device } from "./auth.ts";
import type { Gate } from "./gate.ts";
import type { Metrics } from "./metrics.ts";
import { randomHex, type Runtime } from "./runtime.ts";
import type { AuditStore } from "./store/audit-store.ts";
import type { DeviceStore } from "./store/device-store.ts";
import type { Logger } from "pino";

/** What the welcome says of it. */
export interface Marking {
  readonly mark?: string;
  readonly copied?: true;
}

export interface Marks {
  /**
   * Never throws: without a database the welcome brings no mark.
   * @param checked the device's sync token is of the current epoch and not ahead of the head: after a restore, old marks accuse nobody
   */
  present(device: Device, mark: string | null, checked: boolean): Promise<Marking>;
}

export interface MarksOptions {
  readonly devices: Pick<DeviceStore, "presentMark">;
  readonly audit: Pick<AuditStore, "write">;
  readonly gate: Gate;
  readonly metrics: Pick<Metrics, "devicesCopied">;
  readonly log: Logger;
  readonly runtime: Pick<Runtime, "random">;
}

const RANDOM_BYTES = 9;

export function createMarks({ devices, audit, gate, metrics, log, runtime }: MarksOptions): Marks {
  async function tell({ storeId, deviceId, name }: Device): Promise<void> {
    metrics.devicesCopied.inc();
    log.warn({ storeId, deviceId }, "The device's identity is in use on two machines");
    await gate.run(() => audit.write(storeId, "server", "device.copied", { deviceId, name }), storeId);
  }

  return {
    async present(device, mark, checked) {
      const { storeId, deviceId } = device;
      try {
        const presented = { mark, count: countOf(mark), checked };
        const random = randomHex(runtime, RANDOM_BYTES);
        const given = await gate.run(() => devices.presentMark(device, presented, random), storeId);
        if (!given) return {};
        if (given.news) void tell(device).catch((err: unknown) => log.warn({ err, storeId, deviceId }, "Not audited"));
        return given.copied ? { mark: given.mark, copied: true } : { mark: given.mark };
      } catch (err) {
        log.warn({ err, storeId, deviceId }, "A mark could not be stored");
        return {};
      }
    },
  };
}

/** Marks count up: see `present_mark` in the migrations. */
function countOf(mark: string | null): number {
  const count = /^(\d{1,15})\./.exec(mark ?? "");
  return count ? Number(count[1]) : 0;
}
