/**
 * What the administrator may: make stores and enrolments, see and revoke devices, set policies, see conflicts and the audit trail, begin an
 * epoch.
 */
import { timingSafeEqual } from "node:crypto";
import { ReplicationError } from "@tillwire/protocol/errors";
import { sha256Hex } from "@tillwire/protocol/hash";
import type { Role } from "@tillwire/protocol/messages";
import type { Enrolments } from "./enrolment.ts";
import { epochAfter } from "./epoch.ts";
import { fleetDevice, type FleetDevice } from "./fleet.ts";
import { NOBODYS, type Gate } from "./gate.ts";
import { newUuid, type Runtime } from "./runtime.ts";
import type { PolicyDesk, PolicyReport } from "./shop-policies.ts";
import type { AuditEntry, AuditQuery, AuditStore } from "./store/audit-store.ts";
import type { ConflictFilter, ConflictQueries } from "./store/conflict-queries.ts";
import type { DeviceStore } from "./store/device-store.ts";
import type { PolicySettings, Shop, ShopStore } from "./store/shop-store.ts";
import type { ReplicationStore } from "./store/store.ts";
import { createTokenBuckets } from "./token-bucket.ts";

export interface Admin {
  isToken(token: string | null): boolean;
  /** @throws ReplicationError UNAUTHENTICATED, RATE_LIMITED per address */
  check(token: string | null, address: string): void;
  /** The named store or, where none is named, the oldest. @throws ReplicationError NOT_FOUND */
  storeOf(storeId: string | undefined): Promise<Shop>;
  listStores(): Promise<Shop[]>;
  createStore(name: string): Promise<Shop>;
  createEnrolment(
    request: { storeId?: string | undefined; name: string; role: Role },
    origin: string,
  ): Promise<{ code: string; expiresAt: number; link: string }>;
  listDevices(storeId?: string): Promise<{ head: number; devices: FleetDevice[] }>;
  /** @throws ReplicationError NOT_FOUND */
  revoke(deviceId: string, storeId?: string): Promise<void>;
  /** Takes the warning of a copied device back. @throws ReplicationError NOT_FOUND */
  clearCopied(deviceId: string, storeId?: string): Promise<void>;
  beginEpoch(reoffer: boolean, storeId?: string): Promise<{ epoch: string }>;
  /** @returns a page, latest first, and how many conflicts the shop has in all */
  listConflicts(
    filter: ConflictFilter,
    before: number | null,
    limit: number,
    storeId?: string,
  ): Promise<{ conflicts: object[]; nextBefore: number | null; open: number; settled: number }>;
  readPolicies(storeId?: string): Promise<PolicyReport>;
  /** @throws ReplicationError UNPROCESSABLE; nothing is changed then */
  setPolicies(policies: PolicySettings, storeId?: string): ReturnType<PolicyDesk["set"]>;
  /** Latest first. */
  listAudit(
    query: Omit<AuditQuery, "storeId">,
    storeId?: string,
  ): Promise<{ entries: AuditEntry[]; nextBefore: number | null }>;
}

export interface AdminOptions {
  /** SHA-256 of the admin token. */
  readonly tokenHash: string;
  readonly shops: ShopStore;
  readonly devices: DeviceStore;
  readonly store: ReplicationStore;
  readonly conflicts: ConflictQueries;
  readonly audit: AuditStore;
  readonly policies: PolicyDesk;
  readonly enrolments: Enrolments;
  readonly gate: Gate;
  readonly runtime: Runtime;
  readonly onRevoked: (storeId: string, deviceId: string) => void;
  readonly onNewEpoch: (storeId: string, epoch: string) => void;
}

/** Wrong admin tokens per address and minute. */
const WRONG_TOKENS_PER_MINUTE = 30;
/** Conflicts, or entries of the audit trail. */
const MAX_PAGE = 200;

export function createAdmin(options: AdminOptions): Admin {
  const { shops, devices, store, enrolments, gate, runtime } = options;
  const wrong = createTokenBuckets(
    { perSecond: WRONG_TOKENS_PER_MINUTE / 60, burst: WRONG_TOKENS_PER_MINUTE },
    runtime.now,
  );

  const isToken = (token: string | null): boolean => token !== null && sameText(sha256Hex(token), options.tokenHash);

  async function storeOf(storeId: string | undefined): Promise<Shop> {
    const all = await gate.run(() => shops.list(), NOBODYS);
    const shop = storeId === undefined ? all[0] : all.find((each) => each.storeId === storeId);
    if (!shop) throw new ReplicationError("NOT_FOUND", "no such store");
    return shop;
  }

  return {
    isToken,
    storeOf,
    check(token, address) {
      if (isToken(token)) return;
      const waitMs = wrong.take(address);
      if (waitMs > 0) throw new ReplicationError("RATE_LIMITED", "too many wrong tokens", waitMs);
      throw new ReplicationError("UNAUTHENTICATED", "the admin token is needed");
    },
    listStores: () => gate.run(() => shops.list(), NOBODYS),
    async createStore(name) {
      const shop = { storeId: newUuid(runtime), name };
      await gate.run(() => shops.create(shop, newUuid(runtime)), NOBODYS);
      return shop;
    },
    async createEnrolment({ storeId, name, role }, origin) {
      const shop = await storeOf(storeId);
      const { code, expiresAt } = await enrolments.create(shop.storeId, name, role);
      return { code, expiresAt, link: enrolmentLink(origin, code, role) };
    },
    async listDevices(storeId) {
      const shop = await storeOf(storeId);
      const rows = await gate.run(() => devices.list(shop.storeId), shop.storeId);
      const head = (await gate.run(() => store.readHead(shop.storeId), shop.storeId))?.head ?? 0;
      return { head, devices: rows.map((row) => fleetDevice(row, head, runtime.now())) };
    },
    async revoke(deviceId, storeId) {
      const shop = await storeOf(storeId);
      const revoked = await gate.run(() => devices.revoke(shop.storeId, deviceId), shop.storeId);
      const known =
        revoked ||
        (await gate.run(() => devices.list(shop.storeId), shop.storeId)).some((row) => row.deviceId === deviceId);
      if (!known) throw new ReplicationError("NOT_FOUND", "no such device");
      options.onRevoked(shop.storeId, deviceId);
    },
    async clearCopied(deviceId, storeId) {
      const shop = await storeOf(storeId);
      const known = await gate.run(() => devices.clearCopied(shop.storeId, deviceId), shop.storeId);
      if (!known) throw new ReplicationError("NOT_FOUND", "no such device");
    },
    async beginEpoch(reoffer, storeId) {
      const shop = await storeOf(storeId);
      const { epoch: before } = (await gate.run(() => store.readHead(shop.storeId), shop.storeId))!;
      const next = epochAfter(newUuid(runtime), before);
      const begin = () => store.beginEpoch(shop.storeId, before, next, reoffer, "ADMINISTRATOR");
      const epoch = await gate.run(begin, shop.storeId);
      options.onNewEpoch(shop.storeId, epoch);
      return { epoch };
    },
    ...createBooks(options, storeOf),
  };
}

type Books = Pick<Admin, "listConflicts" | "readPolicies" | "setPolicies" | "listAudit">;

/** What a shop decided, and what was decided about it. */
function createBooks({ conflicts, audit, policies, gate }: AdminOptions, storeOf: Admin["storeOf"]): Books {
  return {
    async listConflicts(filter, before, limit, storeId) {
      const shop = await storeOf(storeId);
      const page = await gate.run(() => conflicts.list(shop.storeId, filter, before, pageSize(limit)), shop.storeId);
      const counts = await gate.run(() => conflicts.count(shop.storeId), shop.storeId);
      const listed = page.conflicts.map(({ seq, updatedAt, data }) => ({ seq, updatedAt, ...data }));
      return { conflicts: listed, nextBefore: page.nextBefore, ...counts };
    },
    readPolicies: async (storeId) => policies.read((await storeOf(storeId)).storeId),
    setPolicies: async (settings, storeId) => policies.set((await storeOf(storeId)).storeId, settings),
    async listAudit(query, storeId) {
      const shop = await storeOf(storeId);
      const limit = pageSize(query.limit);
      const entries = await gate.run(() => audit.list({ ...query, limit, storeId: shop.storeId }), shop.storeId);
      return { entries, nextBefore: entries.length === limit ? entries.at(-1)!.id : null };
    },
  };
}

function pageSize(limit: number): number {
  return Math.min(Math.max(1, limit), MAX_PAGE);
}

/** The code travels in the fragment, which browsers never send to a server. */
export function enrolmentLink(origin: string, code: string, role: Role = "register"): string {
  return `${origin}${role === "display" ? "/display" : "/"}#enrol=${code}`;
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
