/** Settings from the environment, checked before anything starts; see server/README.md. */
import * as z from "zod/mini";

const port = z.coerce.number().check(z.int(), z.gte(0), z.lte(65_535));
const optionalText = z.optional(z.string());

const environmentSchema = z.object({
  SERVER_PORT: z._default(port, 8080),
  SERVER_HOST: z._default(z.string(), "0.0.0.0"),
  DATABASE_URL: z.optional(
    z.string().check(z.regex(/^(jdbc:)?postgres(ql)?:\/\//, "is not postgresql://... or jdbc:postgresql://...")),
  ),
  DATABASE_USER: optionalText,
  DATABASE_PASSWORD: optionalText,
  DATA_DIR: z._default(z.string(), "./data"),
  ADMIN_TOKEN: z.optional(z.string().check(z.minLength(16, "is shorter than 16 characters"))),
  ALLOWED_ORIGINS: z._default(z.string(), ""),
  LOG_LEVEL: z._default(z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]), "info"),
  SYNC_INTERVAL_SECONDS: z._default(z.coerce.number().check(z.gte(1), z.lte(86_400)), 30),
});

export interface Config {
  readonly port: number;
  readonly host: string;
  /** null: the embedded PostgreSQL in dataDir. */
  readonly database: {
    readonly url: string;
    readonly user: string | undefined;
    readonly password: string | undefined;
  } | null;
  readonly dataDir: string;
  readonly adminToken: string | null;
  readonly allowedOrigins: readonly string[];
  readonly logLevel: string;
  readonly syncIntervalSeconds: number;
}

/** What is wrong with a setting, for the person who set it. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

/** Empty variables count as unset. @throws ConfigError naming every variable that is wrong */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = environmentSchema.safeParse(set);
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n"));
  const given = parsed.data;
  const url = given.DATABASE_URL?.replace(/^jdbc:/, "");
  return {
    port: given.SERVER_PORT,
    host: given.SERVER_HOST,
    database: url === undefined ? null : { url, user: given.DATABASE_USER, password: given.DATABASE_PASSWORD },
    dataDir: given.DATA_DIR,
    adminToken: given.ADMIN_TOKEN ?? null,
    allowedOrigins: originsOf(given.ALLOWED_ORIGINS),
    logLevel: given.LOG_LEVEL,
    syncIntervalSeconds: given.SYNC_INTERVAL_SECONDS,
  };
}

function originsOf(list: string): string[] {
  const origins = list.split(",").map((each) => each.trim().replace(/\/$/, ""));
  const named = origins.filter((each) => each !== "");
  const wrong = named.find((each) => each !== "*" && !URL.canParse(each));
  if (wrong !== undefined)
    throw new ConfigError(`ALLOWED_ORIGINS: ${wrong} is not an origin such as https://shop.example`);
  return named.map(asBrowsersWrite);
}

function asBrowsersWrite(origin: string): string {
  if (origin === "*") return origin;
  const written = new URL(origin).origin;
  // Of schemes that are an app's own, such as capacitor:, URL says nothing.
  return written === "null" ? origin : written;
}
