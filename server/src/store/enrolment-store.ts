/** Enrolments: codes that become devices, each in one statement, the audit trail's entry with it. */
import type { Role } from "@tillwire/protocol/messages";
import type { Sql } from "postgres";
import { available } from "./guarded.ts";

export interface NewEnrolment {
  readonly codeHash: string;
  readonly storeId: string;
  readonly name: string;
  readonly role: Role;
  /** Epoch ms. */
  readonly expiresAt: number;
}

export interface EnrolledDevice {
  readonly storeId: string;
  readonly storeName: string;
  readonly name: string;
  readonly role: Role;
  readonly registerCode: string;
  /** The id was known: what was enrolled under it before has lost its token. */
  readonly reEnrolled: boolean;
}

export interface EnrolmentStore {
  create(enrolment: NewEnrolment): Promise<void>;
  /**
   * Uses the code up and makes the device, or gives a known one a new token and register code.
   * @returns null: no such code, or it was used, tried too often or has expired
   */
  redeem(
    codeHash: string,
    device: { readonly deviceId: string; readonly tokenHash: string },
    nowMs: number,
    maxTries: number,
  ): Promise<EnrolledDevice | null>;
  /** A try that failed for another reason than the code. */
  countTry(codeHash: string): Promise<void>;
}

// Register codes count up per store: A1, B1, ... Z1, A2, ...; without the letters that look like others.
export const REGISTER_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ";

export function createEnrolmentStore(sql: Sql): EnrolmentStore {
  return {
    create: ({ codeHash, storeId, name, role, expiresAt }) =>
      available(async () => {
        await sql`
          with enrolment as (
            insert into enrolments (code_hash, store_id, name, role, expires_at)
            values (${codeHash}, ${storeId}, ${name}, ${role}, to_timestamp(${expiresAt}::bigint / 1000.0))
            returning store_id, name, role
          )
          insert into audit_log (store_id, actor, action, details)
          select e.store_id, 'admin', 'enrolment.made', jsonb_build_object('name', e.name, 'role', e.role, 'expiresAt', ${expiresAt}::bigint)
          from enrolment e`;
      }),
    redeem: (codeHash, { deviceId, tokenHash }, nowMs, maxTries) =>
      available(async () => {
        const rows = await sql<EnrolledDevice[]>`
          with code as (
            update enrolments set used_at = now(), device_id = ${deviceId}
            where code_hash = ${codeHash} and used_at is null and tries < ${maxTries} and expires_at > to_timestamp(${nowMs}::bigint / 1000.0)
            returning store_id, name, role
          ), shop as (
            update stores s set register_codes = register_codes + 1 from code where s.id = code.store_id
            returning s.id, s.name,
              substr(${REGISTER_LETTERS}, 1 + (register_codes - 1) % length(${REGISTER_LETTERS}), 1) || (1 + (register_codes - 1) / length(${REGISTER_LETTERS})) as register_code
          ), known as (
            select d.id from devices d join code on d.store_id = code.store_id and d.id = ${deviceId}
          ), device as (
            insert into devices as d (store_id, id, role, name, register_code, token_hash)
            select code.store_id, ${deviceId}, code.role, code.name, shop.register_code, ${tokenHash} from code, shop
            on conflict (store_id, id) do update set
              role = excluded.role, name = excluded.name, register_code = excluded.register_code, token_hash = excluded.token_hash,
              revoked_at = null, mark = null, mark_before = null, copied_at = null
            returning d.store_id
          ), audited as (
            insert into audit_log (store_id, actor, action, details)
            select code.store_id, ${deviceId}, case when exists (select 1 from known) then 'device.reenrolled' else 'device.enrolled' end,
              jsonb_build_object('deviceId', ${deviceId}::text, 'name', code.name, 'role', code.role, 'registerCode', shop.register_code)
            from code, shop, device
          )
          select code.store_id as "storeId", shop.name as "storeName", code.name, code.role, shop.register_code as "registerCode",
            exists (select 1 from known) as "reEnrolled"
          from code, shop, device`;
        return rows[0] ?? null;
      }),
    countTry: (codeHash) =>
      available(async () => {
        await sql`update enrolments set tries = tries + 1 where code_hash = ${codeHash}`;
      }),
  };
}
