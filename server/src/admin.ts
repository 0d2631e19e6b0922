/** What the administrator may: make stores and enrolments, see and revoke devices, see conflicts, begin an epoch. */
import { timingSafeEqual } from "node:crypto";
import { ReplicationError } from "@tillwire/protocol/errors";
import { sha256Hex } from "@tillwire/protocol/hash";
import type { Role } from "@tillwire/protocol/messages";
import type { Enrolments } from "./enrolment.ts";
import { epochAfter } from "./epoch.ts";
import type { Gate } from "./gate.ts";
import { isOnline } from "./presence.ts";
import { newUuid, type Runtime } from "./runtime.ts";
import type { DeviceRow, DeviceStore } from "./store/device-store.ts";
import type { Shop, ShopStore } from "./store/shop-store.ts";
import type { ReplicationStore } from "./store/store.ts";
import { createTokenBuckets } from "./token-bucket.ts";

/** A device on the fleet page. Times in epoch ms. */
export interface FleetDevice extends Omit<DeviceRow, "status" | "storeId"> {
  readonly online: boolean;
  readonly pending: number | null;
  readonly oldestPendingAt: number | null;
  readonly failed: number | null;
  readonly conflicts: number | null;
  readonly clockOffsetMs: number | null;
  readonly digestsEqual: boolean | null;
  /** How many seqs its cursor is behind the head; null: it told none. */
  readonly cursorLag: number | null;
}

export interface Admin {
  /** @throws ReplicationError UNAUTHENTICATED, RATE_LIMITED per address */
  check(token: string | null, address: string): void;
  listStores(): Promise<Shop[]>;
  createStore(name: string): Promise<Shop>;
  createEnrolment(
    request: { storeId?: string | undefined; name: string; role: Role },
    origin: string,
  ): Promise<{ code: string; expiresAt: number; link: string }>;
  listDevices(storeId?: string): Promise<{ head: number; devices: FleetDevice[] }>;
  /** @throws ReplicationError NOT_FOUND */
  revoke(deviceId: string, storeId?: string): Promise<void>;
  beginEpoch(reoffer: boolean, storeId?: string): Promise<{ epoch: string }>;
  listConflicts(
    before: number | null,
    limit: number,
    storeId?: string,
  ): Promise<{ conflicts: object[]; nextBefore: number | null }>;
}

export interface AdminOptions {
  /** SHA-256 of the admin token. */
  readonly tokenHash: string;
  readonly shops: ShopStore;
  readonly devices: DeviceStore;
  readonly store: ReplicationStore;
  readonly enrolments: Enrolments;
  readonly gate: Gate;
  readonly runtime: Runtime;
  readonly onRevoked: (storeId: string, deviceId: string) => void;
  readonly onNewEpoch: (storeId: string, epoch: string) => void;
}

/** Wrong admin tokens per address and minute. */
const WRONG_TOKENS_PER_MINUTE = 30;
const MAX_CONFLICTS = 200;

export function createAdmin(options: AdminOptions): Admin {
  const { shops, devices, store, enrolments, gate, runtime } = options;
  const wrong = createTokenBuckets(
    { perSecond: WRONG_TOKENS_PER_MINUTE / 60, burst: WRONG_TOKENS_PER_MINUTE },
    runtime.now,
  );

  /** The named store or, where none is named, the first. */
  async function storeOf(storeId: string | undefined): Promise<Shop> {
    const all = await gate.run(() => shops.list());
    const shop = storeId === undefined ? all[0] : all.find((each) => each.storeId === storeId);
    if (!shop) throw new ReplicationError("NOT_FOUND", "no such store");
    return shop;
  }

  return {
    check(token, address) {
      if (token !== null && sameText(sha256Hex(token), options.tokenHash)) return;
      const waitMs = wrong.take(address);
      if (waitMs > 0) throw new ReplicationError("RATE_LIMITED", "too many wrong tokens", waitMs);
      throw new ReplicationError("UNAUTHENTICATED", "the admin token is needed");
    },
    listStores: () => gate.run(() => shops.list()),
    async createStore(name) {
      const shop = { storeId: newUuid(runtime), name };
      await gate.run(() => shops.create(shop, newUuid(runtime)));
      return shop;
    },
    async createEnrolment({ storeId, name, role }, origin) {
      const shop = await storeOf(storeId);
      const { code, expiresAt } = await enrolments.create(shop.storeId, name, role);
      return { code, expiresAt, link: enrolmentLink(origin, code) };
    },
    async listDevices(storeId) {
      const shop = await storeOf(storeId);
      const rows = await gate.run(() => devices.list(shop.storeId));
      const head = (await gate.run(() => store.readHead(shop.storeId)))?.head ?? 0;
      return { head, devices: rows.map((row) => fleetDevice(row, head, runtime.now())) };
    },
    async revoke(deviceId, storeId) {
      const shop = await storeOf(storeId);
      const revoked = await gate.run(() => devices.revoke(shop.storeId, deviceId));
      const known =
        revoked || (await gate.run(() => devices.list(shop.storeId))).some((row) => row.deviceId === deviceId);
      if (!known) throw new ReplicationError("NOT_FOUND", "no such device");
      options.onRevoked(shop.storeId, deviceId);
    },
    async beginEpoch(reoffer, storeId) {
      const shop = await storeOf(storeId);
      const head = await gate.run(() => store.readHead(shop.storeId));
      const next = epochAfter(newUuid(runtime), head!.epoch);
      const epoch = await gate.run(() => store.beginEpoch(shop.storeId, head!.epoch, next, reoffer));
      options.onNewEpoch(shop.storeId, epoch);
      return { epoch };
    },
    async listConflicts(before, limit, storeId) {
      const shop = await storeOf(storeId);
      const most = Math.min(Math.max(1, limit), MAX_CONFLICTS);
      const rows = await gate.run(() => shops.listConflicts(shop.storeId, before, most));
      const last = rows.length === most ? rows.at(-1)!.seq : null;
      return { conflicts: rows.map(({ seq, updatedAt, data }) => ({ seq, updatedAt, ...data })), nextBefore: last };
    },
  };
}

/** The code travels in the fragment, which browsers never send to a server. */
export function enrolmentLink(origin: string, code: string): string {
  return `${origin}/#enrol=${code}`;
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function fleetDevice({ status, storeId: _storeId, ...row }: DeviceRow, head: number, nowMs: number): FleetDevice {
  return {
    ...row,
    online: isOnline({ ...row, status, storeId: "" }, nowMs),
    pending: status.pending ?? null,
    oldestPendingAt: status.oldestPendingAt ?? null,
    failed: status.failed ?? null,
    conflicts: status.conflicts ?? null,
    clockOffsetMs: status.clockOffsetMs ?? null,
    digestsEqual: status.digestsEqual ?? null,
    cursorLag: row.cursor === null ? null : Math.max(0, head - row.cursor),
  };
}
