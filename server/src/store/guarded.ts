/** Errors of statements that carry no write of a device: the database is away, and the caller may try again. */
import { ReplicationError } from "@tillwire/protocol/errors";

/** @throws ReplicationError UNAVAILABLE for whatever the driver throws; never its text, which may hold SQL or data */
export async function available<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (cause) {
    const error = new ReplicationError("UNAVAILABLE", "the database is not available", 1_000);
    error.cause = cause;
    throw error;
  }
}
