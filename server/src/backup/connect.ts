/** Connections of the backup and restore commands: one each, that says who it is and takes its time. */
import postgres from "postgres";

/** A database as the settings name it. */
export interface DatabaseAddress {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** In pg_stat_activity. */
export const APPLICATION = "tillwire backup";

/** Whatever the role, the database or the machine sets: rows are the same text everywhere, and what takes long is not cut off. */
const SETTINGS = {
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  extra_float_digits: 1,
  bytea_output: "hex",
  statement_timeout: 0,
  lock_timeout: 0,
  idle_in_transaction_session_timeout: 0,
  // older databases have no transaction_timeout, and would refuse the connection
} as const;

/** @param database another one of the same server */
export function connect({ url, user, password }: DatabaseAddress, database?: string): postgres.Sql {
  return postgres(url, {
    max: 1,
    ...(database !== undefined && { database }),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    connect_timeout: 10,
    // the connection is the snapshot, or holds a lock: another one in its place would be wrong
    max_lifetime: null,
    idle_timeout: 0,
    onnotice: () => undefined,
    connection: { application_name: APPLICATION, ...SETTINGS },
  });
}
