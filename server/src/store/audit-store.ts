/**
 * The audit trail: what administrators, and the server by itself, did to a shop. Most entries are written by the statement that does the
 * deed (set_policies, revoke_device, begin_epoch, clear_copied, enrolments); the rest comes here, right after it.
 */
import type { Sql } from "postgres";
import { available } from "./guarded.ts";

export interface AuditEntry {
  readonly id: number;
  /** Epoch ms. */
  readonly at: number;
  /** `admin`, `server` or a deviceId. */
  readonly actor: string;
  readonly action: string;
  readonly details: object;
}

export interface AuditQuery {
  readonly storeId: string;
  /** Exclusive id; null: from the latest. */
  readonly before: number | null;
  readonly limit: number;
  readonly action: string | null;
}

export interface AuditStore {
  /** Never tokens or codes. */
  write(storeId: string, actor: string, action: string, details: object): Promise<void>;
  /** Latest first. */
  list(query: AuditQuery): Promise<AuditEntry[]>;
}

export function createAuditStore(sql: Sql): AuditStore {
  return {
    write: (storeId, actor, action, details) =>
      available(async () => {
        await sql`
          insert into audit_log (store_id, actor, action, details)
          values (${storeId}, ${actor}, ${action}, ${JSON.stringify(details)}::text::jsonb)`;
      }),
    list: ({ storeId, before, limit, action }) =>
      available(async () => {
        const rows = await sql<{ id: string; at: Date; actor: string; action: string; details: object }[]>`
          select id, at, actor, action, details from audit_log
          where store_id = ${storeId} and (${before}::bigint is null or id < ${before}::bigint)
            and (${action}::text is null or action = ${action}::text)
          order by id desc limit ${limit}`;
        return rows.map(({ id, at, ...entry }) => ({ id: Number(id), at: at.getTime(), ...entry }));
      }),
  };
}
