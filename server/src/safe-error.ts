/** Errors as the log may hold them: PostgreSQL's own texts and details quote data, so only its codes are kept. */
interface LoggedError {
  readonly name: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

export function safeError(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name } = error;
  const given: unknown = (error as { code?: unknown }).code;
  const code = typeof given === "string" ? { code: given } : {};
  const cause = error.cause === undefined ? {} : { cause: safeError(error.cause) };
  if (name === "PostgresError") return { name, ...code };
  return { name, ...code, message: error.message, ...(error.stack !== undefined && { stack: error.stack }), ...cause };
}
