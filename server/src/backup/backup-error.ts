/** What keeps a backup or a restore from being made, worded for the person who asked for it; tests look at the code. */
export type BackupErrorCode =
  /** There is no file of that name, or it can't be read. */
  | "BACKUP_NOT_FOUND"
  /** There is a file of that name already. */
  | "BACKUP_EXISTS"
  /** The file is something else. */
  | "NOT_A_BACKUP"
  /** The file ends too early. */
  | "BACKUP_TRUNCATED"
  /** The file does not hold what was written to it. */
  | "BACKUP_DAMAGED"
  /** Its format, or the database that it was made of, belongs to a newer version of Tillwire. */
  | "BACKUP_NEWER"
  /** The disk is full, the directory somebody else's, or the like. */
  | "BACKUP_NOT_WRITTEN"
  /** The database was never used by a server. */
  | "NOTHING_TO_BACK_UP"
  /** Somebody ended it, or the connection changed under it. */
  | "BACKUP_INTERRUPTED"
  /** Somebody, most likely a server, is connected to the database. */
  | "DATABASE_IN_USE"
  /** The role may not create or rename databases. */
  | "RESTORE_NOT_PERMITTED"
  /** What was loaded is not what the file holds. */
  | "RESTORE_DIFFERS"
  /** No former database of that name. */
  | "NO_FORMER_DATABASE";

export class BackupError extends Error {
  constructor(
    readonly code: BackupErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = "BackupError";
  }
}
