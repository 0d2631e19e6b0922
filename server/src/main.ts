/** The process: settings, database, server, and how it ends. Clock, randomness and timers come in here. */
import { join } from "node:path";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { pino } from "pino";
import postgres from "postgres";
import { enrolmentLink } from "./admin.ts";
import { ConfigError, readConfig } from "./config.ts";
import { databaseFaults, readDatabaseSettings } from "./database-check.ts";
import { DEMO_SHOP } from "./demo-shop.ts";
import { migrate } from "./migrate.ts";
import { explain, MIGRATIONS, openDatabase, ROOT, type OpenDatabase } from "./open-database.ts";
import { createSyncServer, type SyncServer } from "./server.ts";

async function prepareDatabase({ url, user, password }: OpenDatabase): Promise<void> {
  const credentials = { ...(user !== undefined && { username: user }), ...(password !== undefined && { password }) };
  const sql = postgres(url, { max: 2, onnotice: () => undefined, ...credentials });
  try {
    const faults = databaseFaults(await readDatabaseSettings(sql));
    if (faults.length > 0) throw new ConfigError(faults.join("\n"));
    const applied = await migrate(sql, MIGRATIONS);
    if (applied.length > 0) say(`Database: ${applied.length} migrations applied`);
  } finally {
    await sql.end();
  }
}

async function start(): Promise<void> {
  const config = readConfig(process.env);
  const database = await openDatabase(config, { log: (message) => say(`Database: ${message}`), onLost: die });
  let server: SyncServer | null = null;
  outliveLostConnections();
  onSignals(async () => {
    say("\nStopping: finishing what is under way ...");
    await server?.close();
    await database.stop();
  });
  try {
    await prepareDatabase(database);
    server = await createSyncServer({
      databaseUrl: database.url,
      databaseUser: database.user,
      databasePassword: database.password,
      collections: SHOP_COLLECTIONS,
      port: config.port,
      host: config.host,
      adminToken: config.adminToken,
      allowedOrigins: config.allowedOrigins,
      syncIntervalSeconds: config.syncIntervalSeconds,
      webRoot: join(ROOT, "web/dist"),
      firstShop: DEMO_SHOP,
      log: pino({ level: config.logLevel }),
    });
    await sayWelcome(server);
  } catch (error) {
    await server?.close();
    await database.stop();
    throw error;
  }
}

async function sayWelcome(server: SyncServer): Promise<void> {
  const lines = ["", `  Tillwire is ready:  ${server.url}`];
  const { devices } = await server.admin.listDevices();
  if (devices.every(({ revokedAt }) => revokedAt !== null)) {
    const { code } = await server.admin.createEnrolment({ name: "Register 1", role: "register" }, server.url);
    lines.push(
      "",
      "  No register is enrolled yet. Open this link in the browser that shall be the first one",
      "  (it works for ten minutes; every start makes a new one until a register is enrolled):",
    );
    lines.push(`  ${enrolmentLink(server.url, code)}`);
  }
  if (server.newAdminToken !== null) lines.push("", "  Admin token, shown this once:", `  ${server.newAdminToken}`);
  say([...lines, "", "  Ctrl-C stops it.", ""].join("\n"));
}

const LOST_CONNECTION =
  /^(CONNECTION_(CLOSED|DESTROYED|ENDED)|CONNECT_TIMEOUT|ECONNRESET|ECONNREFUSED|EPIPE|57P0[123])$/;

/**
 * A connection that breaks while the `postgres` package asks for types on it rejects a promise that nobody holds. Its queries
 * fail by themselves, and are tried again; the process must not end for it.
 */
function outliveLostConnections(): void {
  process.on("unhandledRejection", (error) => {
    const { code } = (error ?? {}) as { code?: unknown };
    if (typeof code !== "string" || !LOST_CONNECTION.test(code)) die(error);
  });
}

/** The first signal drains and exits with 0, the second ends at once. */
function onSignals(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      stop().then(() => process.exit(0), die);
    });
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function die(error: unknown): void {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}

start().catch(die);
