/** Devices: identity, what they last told of themselves, revocation. */
import type { DeviceStatus, Role } from "@tillwire/protocol/messages";
import type { Sql } from "postgres";
import { available } from "./guarded.ts";

export interface DeviceKey {
  readonly storeId: string;
  readonly deviceId: string;
}

/** A device as it was when its session began: each enrolment gives another register code. */
export interface EnrolledKey extends DeviceKey {
  readonly registerCode: string;
}

export interface DeviceIdentity extends EnrolledKey {
  readonly role: Role;
  readonly name: string;
  readonly revoked: boolean;
}

/** What a device told of itself, and what the server saw of it. */
export interface KeptStatus extends Omit<DeviceStatus, "cursor" | "clock"> {
  /** Device clock minus server clock. */
  readonly clockOffsetMs?: number;
  /** A session of its stood when this was written, on whichever node. */
  readonly online?: boolean;
}

export interface DeviceRow extends DeviceKey {
  readonly role: Role;
  readonly name: string;
  readonly registerCode: string;
  readonly cursor: number | null;
  readonly status: KeptStatus;
  readonly app: { readonly name: string; readonly version: string } | null;
  /** Epoch ms. */
  readonly lastSeenAt: number | null;
  readonly revokedAt: number | null;
  /** When its identity was last seen on a second machine; null: never, or a person took the warning back. */
  readonly copiedAt: number | null;
  readonly createdAt: number;
}

/** A mark as a device presents it; see `present_mark` in the migrations. */
export interface PresentedMark {
  readonly mark: string | null;
  /** The number that the mark begins with; 0: none to be read. */
  readonly count: number;
  /** Whether the device's sync token is of the current epoch and not ahead of the head: else nothing can be found. */
  readonly checked: boolean;
}

export interface GivenMark {
  readonly mark: string;
  /** A warning stands. */
  readonly copied: boolean;
  /** A finding that nobody was told of yet, or not today. */
  readonly news: boolean;
}

export interface StatusUpdate extends DeviceKey {
  /** Epoch ms. */
  readonly at: number;
  readonly cursor: number | null;
  readonly status: KeptStatus;
  readonly app: { readonly name: string; readonly version: string } | null;
}

export interface DeviceStore {
  findByTokenHash(hash: string): Promise<DeviceIdentity | null>;
  list(storeId: string): Promise<DeviceRow[]>;
  /** Takes the store's lock: nothing of the device is committed after it. Audited. False: no such device, or revoked before. */
  revoke(storeId: string, deviceId: string): Promise<boolean>;
  /** Those of the devices that were revoked. */
  revokedAmong(devices: readonly DeviceKey[]): Promise<DeviceKey[]>;
  /** Those of the devices that were enrolled anew since: somebody else has the token now. */
  replacedAmong(devices: readonly EnrolledKey[]): Promise<EnrolledKey[]>;
  /** Of all stores, within the last REVOKED_LATELY_MS by the database's clock. */
  revokedLately(): Promise<DeviceKey[]>;
  saveStatus(updates: readonly StatusUpdate[]): Promise<void>;
  /** @param random the new mark's, should one be made. Null: no such device. */
  presentMark(device: DeviceKey, presented: PresentedMark, random: string): Promise<GivenMark | null>;
  /** Takes the warning of a copied device back; audited. False: no such device. */
  clearCopied(storeId: string, deviceId: string): Promise<boolean>;
}

/** Longer than a revocation may wait for the store's lock. */
export const REVOKED_LATELY_MS = 120_000;

const ms = (time: Date | null): number | null => (time === null ? null : time.getTime());

export function createDeviceStore(sql: Sql): DeviceStore {
  return {
    findByTokenHash: (hash) =>
      available(async () => {
        const rows = await sql<DeviceIdentity[]>`
          select store_id as "storeId", id as "deviceId", register_code as "registerCode", role, name, revoked_at is not null as revoked
          from devices where token_hash = ${hash}`;
        return rows[0] ?? null;
      }),
    list: (storeId) => available(() => list(sql, storeId)),
    revoke: (storeId, deviceId) =>
      available(async () => {
        const rows = await sql<{ revoked: boolean }[]>`select revoke_device(${storeId}, ${deviceId}) as revoked`;
        return rows[0]!.revoked;
      }),
    revokedAmong: (devices) =>
      available(async () => {
        if (devices.length === 0) return [];
        const rows = await sql<DeviceKey[]>`
          select d.store_id as "storeId", d.id as "deviceId"
          from devices d join json_to_recordset(${JSON.stringify(devices)}::text::json) as k("storeId" text, "deviceId" text)
            on d.store_id = k."storeId" and d.id = k."deviceId"
          where d.revoked_at is not null`;
        return [...rows];
      }),
    replacedAmong: (devices) =>
      available(async () => {
        if (devices.length === 0) return [];
        const rows = await sql<EnrolledKey[]>`
          select k."storeId", k."deviceId", k."registerCode"
          from devices d
          join json_to_recordset(${JSON.stringify(devices)}::text::json) as k("storeId" text, "deviceId" text, "registerCode" text)
            on d.store_id = k."storeId" and d.id = k."deviceId"
          where d.register_code <> k."registerCode"`;
        return [...rows];
      }),
    revokedLately: () =>
      available(async () => {
        const rows = await sql<DeviceKey[]>`
          select store_id as "storeId", id as "deviceId" from devices
          where revoked_at > now() - ${REVOKED_LATELY_MS} * interval '1 millisecond'`;
        return [...rows];
      }),
    saveStatus: (updates) =>
      available(async () => {
        await sql`
          update devices d set
            last_seen_at = greatest(d.last_seen_at, to_timestamp(s.at / 1000.0)),
            cursor = coalesce(s.cursor, d.cursor),
            status = coalesce(d.status, '{}'::jsonb) || s.status,
            app = coalesce(s.app, d.app)
          from json_to_recordset(${JSON.stringify(updates)}::text::json)
            as s("storeId" text, "deviceId" text, at bigint, cursor bigint, status jsonb, app jsonb)
          where d.store_id = s."storeId" and d.id = s."deviceId"`;
      }),
    presentMark: ({ storeId, deviceId }, { mark, count, checked }, random) =>
      available(async () => {
        const rows = await sql<{ mark: string | null; copied: boolean; news: boolean }[]>`
          select mark, copied, news from present_mark(${storeId}, ${deviceId}, ${mark}, ${count}, ${random}, ${checked})`;
        const row = rows[0]!;
        return row.mark === null ? null : { ...row, mark: row.mark };
      }),
    clearCopied: (storeId, deviceId) =>
      available(async () => {
        const rows = await sql<{ known: boolean }[]>`select clear_copied(${storeId}, ${deviceId}) as known`;
        return rows[0]!.known;
      }),
  };
}

interface ListedRow extends Omit<
  DeviceRow,
  "cursor" | "status" | "lastSeenAt" | "revokedAt" | "copiedAt" | "createdAt"
> {
  cursor: string | null;
  status: KeptStatus | null;
  last_seen_at: Date | null;
  revoked_at: Date | null;
  copied_at: Date | null;
  created_at: Date;
}

async function list(sql: Sql, storeId: string): Promise<DeviceRow[]> {
  const rows = await sql<ListedRow[]>`
    select store_id as "storeId", id as "deviceId", role, name, register_code as "registerCode", cursor, status, app,
      last_seen_at, revoked_at, copied_at, created_at
    from devices where store_id = ${storeId} order by created_at, id`;
  return rows.map(({ cursor, status, last_seen_at, revoked_at, copied_at, created_at, ...row }) => ({
    ...row,
    cursor: cursor === null ? null : Number(cursor),
    status: status ?? {},
    lastSeenAt: ms(last_seen_at),
    revokedAt: ms(revoked_at),
    copiedAt: ms(copied_at),
    createdAt: created_at.getTime(),
  }));
}
