/** The twins in memory of device-store.ts and enrolment-store.ts. No audit trail: nobody reads one where time is virtual. */
import {
  REVOKED_LATELY_MS,
  type DeviceRow,
  type DeviceStore,
  type GivenMark,
  type KeptStatus,
  type PresentedMark,
} from "./device-store.ts";
import { REGISTER_LETTERS, type EnrolmentStore } from "./enrolment-store.ts";
import type { MemoryDatabase, MemoryDevice, MemoryShop } from "./memory-database.ts";

export function createMemoryDevices(database: MemoryDatabase): DeviceStore {
  const deviceOf = (storeId: string, deviceId: string): MemoryDevice | undefined =>
    database.shops.get(storeId)?.devices.get(deviceId);
  const change = (storeId: string, deviceId: string, changes: Partial<MemoryDevice>): void => {
    const device = deviceOf(storeId, deviceId);
    if (device) database.shops.get(storeId)!.devices.set(deviceId, { ...device, ...changes });
  };
  return {
    async findByTokenHash(hash) {
      for (const { storeId, devices } of database.shops.values())
        for (const { deviceId, registerCode, tokenHash, role, name, revokedAt } of devices.values())
          if (tokenHash === hash) return { storeId, deviceId, registerCode, role, name, revoked: revokedAt !== null };
      return null;
    },
    async list(storeId) {
      const rows = [...(database.shops.get(storeId)?.devices.values() ?? [])].map((row) => listed(storeId, row));
      return rows.sort((a, b) => a.createdAt - b.createdAt || (a.deviceId < b.deviceId ? -1 : 1));
    },
    async revoke(storeId, deviceId) {
      const isActive = deviceOf(storeId, deviceId)?.revokedAt === null;
      if (isActive) change(storeId, deviceId, { revokedAt: database.now() });
      return isActive;
    },
    revokedAmong: async (devices) =>
      devices.filter(({ storeId, deviceId }) => (deviceOf(storeId, deviceId)?.revokedAt ?? null) !== null),
    replacedAmong: async (devices) =>
      devices.filter(({ storeId, deviceId, registerCode }) => {
        const device = deviceOf(storeId, deviceId);
        return device !== undefined && device.registerCode !== registerCode;
      }),
    async revokedLately() {
      const since = database.now() - REVOKED_LATELY_MS;
      return [...database.shops.values()].flatMap(({ storeId, devices }) =>
        [...devices.values()]
          .filter(({ revokedAt }) => revokedAt !== null && revokedAt > since)
          .map(({ deviceId }) => ({ storeId, deviceId })),
      );
    },
    async saveStatus(updates) {
      for (const { storeId, deviceId, at, cursor, status, app } of updates) {
        const device = deviceOf(storeId, deviceId);
        if (!device) continue;
        const kept = JSON.parse(device.statusJson) as KeptStatus;
        change(storeId, deviceId, {
          lastSeenAt: Math.max(device.lastSeenAt ?? at, at),
          cursor: cursor ?? device.cursor,
          statusJson: JSON.stringify({ ...kept, ...status }),
          appJson: app ? JSON.stringify(app) : device.appJson,
        });
      }
    },
    async presentMark({ storeId, deviceId }, presented, random) {
      const device = deviceOf(storeId, deviceId);
      if (!device) return null;
      const { given, changes } = markAfter(device, presented, random, database.now());
      change(storeId, deviceId, changes);
      return given;
    },
    async clearCopied(storeId, deviceId) {
      change(storeId, deviceId, { copiedAt: null });
      return deviceOf(storeId, deviceId) !== undefined;
    },
  };
}

function listed(storeId: string, device: MemoryDevice): DeviceRow {
  const { deviceId, role, name, registerCode, cursor, lastSeenAt, revokedAt, copiedAt, createdAt } = device;
  return {
    ...{ storeId, deviceId, role, name, registerCode, cursor, lastSeenAt, revokedAt, copiedAt, createdAt },
    status: JSON.parse(device.statusJson) as KeptStatus,
    app: device.appJson === null ? null : (JSON.parse(device.appJson) as DeviceRow["app"]),
  };
}

const DAY_MS = 86_400_000;

/** The twin of the function `present_mark`. */
function markAfter(
  device: MemoryDevice,
  { mark, count, checked }: PresentedMark,
  random: string,
  nowMs: number,
): { given: GivenMark; changes: Partial<MemoryDevice> } {
  const wasCopied = device.copiedAt !== null;
  if (mark === null && device.mark !== null)
    return { given: { mark: device.mark, copied: wasCopied, news: false }, changes: {} };
  const last = device.mark === null ? 0 : Number(device.mark.split(".")[0]);
  const isKnown = mark === device.mark || mark === device.markBefore;
  const isCopy = checked && device.mark !== null && !isKnown && count <= last;
  const next = `${Math.max(last, count) + 1}.${random}`;
  const isNews = isCopy && (device.copiedAt === null || device.copiedAt < nowMs - DAY_MS);
  return {
    given: { mark: next, copied: isCopy || wasCopied, news: isNews },
    changes: { mark: next, markBefore: mark, ...(isCopy && { copiedAt: nowMs }) },
  };
}

export function createMemoryEnrolments(database: MemoryDatabase): EnrolmentStore {
  return {
    async create({ codeHash, storeId, name, role, expiresAt }) {
      database.enrolments.set(codeHash, { storeId, name, role, expiresAt, tries: 0, isUsed: false });
    },
    async redeem(codeHash, { deviceId, tokenHash }, nowMs, maxTries) {
      const code = database.enrolments.get(codeHash);
      const shop = code && database.shops.get(code.storeId);
      if (!shop || code.isUsed || code.tries >= maxTries || code.expiresAt <= nowMs) return null;
      database.enrolments.set(codeHash, { ...code, isUsed: true });
      const { name, role } = code;
      const registerCode = nextRegisterCode(shop);
      const known = shop.devices.get(deviceId);
      const before = known ?? { ...NEW_DEVICE, createdAt: database.now() };
      const renewed = { mark: null, markBefore: null, copiedAt: null, revokedAt: null };
      shop.devices.set(deviceId, { ...before, deviceId, role, name, registerCode, tokenHash, ...renewed });
      return {
        ...{ storeId: shop.storeId, storeName: shop.name, name, role, registerCode },
        reEnrolled: known !== undefined,
      };
    },
    async countTry(codeHash) {
      const code = database.enrolments.get(codeHash);
      if (code) database.enrolments.set(codeHash, { ...code, tries: code.tries + 1 });
    },
  };
}

/** What a device's row holds before it told anything of itself. */
export const NEW_DEVICE = {
  ...{ cursor: null, statusJson: "{}", appJson: null, lastSeenAt: null, revokedAt: null },
  ...{ mark: null, markBefore: null, copiedAt: null, syncTimestamp: null, syncAnswer: null },
} as const;

function nextRegisterCode(shop: MemoryShop): string {
  const given = shop.registerCodes++;
  const { length } = REGISTER_LETTERS;
  return `${REGISTER_LETTERS[given % length]!}${1 + Math.floor(given / length)}`;
}
