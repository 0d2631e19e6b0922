/**
 * A real PostgreSQL of our own, for a shop that has none: made on the first start, adopted if it still runs, recovered
 * after a crash of anything, revived if it dies. In `dataDir`: `cluster/` (PostgreSQL's), `launcher.json` (password and port),
 * `postgres.log`, and `backups/` where there are any. It listens on 127.0.0.1 alone and wants the password. Nothing is traded for speed: fsync stays on.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { freePort } from "./free-port.ts";
import { giveTo, PostgresPrograms } from "./postgres-programs.ts";
import { runningPostmaster } from "./postmaster.ts";
import { StartupError } from "./startup-error.ts";

export interface EmbeddedPostgresOptions {
  /** Made if it is missing. Besides this launcher's files there are at most `backups/`. */
  readonly dataDir: string;
  /** Told in a few words what takes time or went wrong. */
  readonly log: (message: string) => void;
  /** Default: the port of the last start if it is free, else any below 32768. A server that is adopted keeps its own. */
  readonly port?: number;
  /** Called if PostgreSQL died later and could not be revived. */
  readonly onLost?: (error: unknown) => void;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  /** Close your own connections first. Stops PostgreSQL, unless another process has adopted it meanwhile. */
  stop(): Promise<void>;
}

/** @throws StartupError POSTGRES_BINARIES_MISSING, POSTGRES_START_FAILED */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const launcher = new Launcher(options);
  await launcher.start();
  return launcher;
}

const initdbOptions = [
  "--username=tillwire",
  "--auth=scram-sha-256",
  "--encoding=UTF8",
  // PostgreSQL's own C.UTF-8: it sorts the same on every machine, whatever locales that has
  "--locale=C",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
];
const serverSettings = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "fsync=on",
  "full_page_writes=on",
  "synchronous_commit=on",
  "timezone=UTC",
  "log_timezone=UTC",
];
/** An advisory lock that every launcher of a server shares: the last one to leave stops it. */
const inUse = 7_451_893;
const LOCK_NOT_AVAILABLE = "55P03";
const patienceMs = 60_000;
/** Replaying what a crash left in the log may take long; that is no reason to give up. */
const recoverySeconds = 600;

class Launcher implements EmbeddedPostgres {
  pid = 0;
  readonly #options: EmbeddedPostgresOptions;
  readonly #dataDir: string;
  readonly #cluster: string;
  readonly #programs: PostgresPrograms;
  #password = "";
  #port = 0;
  /** One connection that stays: it holds `inUse`, and its end tells that the server is gone. */
  #held: postgres.Sql | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: EmbeddedPostgresOptions) {
    this.#options = options;
    fs.mkdirSync(options.dataDir, { recursive: true, mode: 0o711 });
    this.#dataDir = fs.realpathSync(options.dataDir);
    this.#cluster = join(this.#dataDir, "cluster");
    this.#programs = new PostgresPrograms(this.#cluster, join(this.#dataDir, "postgres.log"));
  }

  get url(): string {
    return this.#urlOf("tillwire");
  }

  async start(): Promise<void> {
    this.#readState();
    if (!fs.existsSync(this.#cluster)) await this.#initialise();
    await this.#settle();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #readState(): void {
    const file = join(this.#dataDir, "launcher.json");
    if (fs.existsSync(file)) {
      const state = JSON.parse(fs.readFileSync(file, "utf8")) as { password: string; port: number };
      this.#password = state.password;
      this.#port = state.port;
    } else if (fs.existsSync(this.#cluster)) {
      throw failure(`launcher.json, which holds the password, is missing in ${this.#dataDir}.`);
    }
    if (this.#options.port) this.#port = this.#options.port;
  }

  #writeState(): void {
    const draft = join(this.#dataDir, "launcher.json.new");
    const state = JSON.stringify({ password: this.#password, port: this.#port });
    fs.writeFileSync(draft, state, { mode: 0o600, flush: true });
    // root visits a directory of somebody who will want to read this again
    if (process.getuid?.() === 0) giveTo(fs.statSync(this.#dataDir), draft);
    fs.renameSync(draft, join(this.#dataDir, "launcher.json"));
    syncDirectory(this.#dataDir);
  }

  /** The cluster gets its name when it is complete: a first start that is interrupted begins anew. */
  async #initialise(): Promise<void> {
    this.#options.log("creating the database");
    this.#password = randomBytes(24).toString("hex");
    this.#writeState();
    for (const name of fs.readdirSync(this.#dataDir)) {
      if (name.startsWith("cluster.new")) fs.rmSync(join(this.#dataDir, name), { recursive: true, force: true });
    }
    const draft = fs.mkdtempSync(join(this.#dataDir, "cluster.new-"));
    const passwordFile = join(this.#dataDir, "password.new");
    fs.writeFileSync(passwordFile, this.#password, { mode: 0o600 });
    for (const path of [draft, passwordFile]) giveTo(this.#programs.account, path);
    const logEnd = this.#programs.logEnd();
    const exitCode = await this.#programs.run("initdb", (locate) => [
      ...initdbOptions,
      `--pgdata=${locate(draft)}`,
      `--pwfile=${locate(passwordFile)}`,
    ]);
    fs.rmSync(passwordFile);
    if (exitCode !== 0) throw failure(this.#programs.logSince(logEnd));
    fs.renameSync(draft, this.#cluster);
    syncDirectory(this.#dataDir);
  }

  /**
   * Until the server runs and a connection to it stands. All steps are taken anew after a failure: a server that dies may
   * look alive for a moment, and one that recovers from a crash turns connections away, or drops them, for a while.
   */
  async #settle(): Promise<void> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      try {
        await this.#ensureRunning();
        await this.#ensureDatabase();
        return await this.#hold();
      } catch (error) {
        if (error instanceof StartupError || this.#stopped || Date.now() > deadline) throw error;
        await delay(100);
      }
    }
  }

  async #ensureRunning(): Promise<void> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const running = runningPostmaster(this.#cluster);
      if (running?.status === "ready") {
        this.pid = running.pid;
        if (this.#port !== running.port) this.#options.log(`PostgreSQL still runs, on port ${String(running.port)}`);
        this.#port = running.port;
        return;
      }
      if (Date.now() > deadline) throw failure(`It neither starts nor stops; see ${this.#programs.logFile}.`);
      if (running) await delay(50);
      else await this.#launch();
    }
  }

  async #launch(): Promise<void> {
    // Its process is gone or somebody else's: PostgreSQL, which looks at the number alone, might refuse to start.
    fs.rmSync(join(this.#cluster, "postmaster.pid"), { force: true });
    this.#programs.rotateLog();
    const revival = this.#held !== undefined;
    if (!revival && !this.#options.port) this.#port = await freePort(this.#port);
    const settings = [...serverSettings, `port=${String(this.#port)}`];
    const logEnd = this.#programs.logEnd();
    const exitCode = await this.#programs.run("pg_ctl", (locate) => [
      "start",
      "--wait",
      "--silent",
      `--timeout=${String(recoverySeconds)}`,
      `--pgdata=${locate(this.#cluster)}`,
      `--options=${settings.map((setting) => `-c ${setting}`).join(" ")}`,
    ]);
    if (exitCode === 0) return this.#writeState();
    const reason = this.#programs.logSince(logEnd);
    // Processes of a server that was killed live on for a moment, somebody may take a port that was free, and another process that
    // uses this server may have been faster to bring it back.
    if (!/still in use|already in use|postmaster\.pid" already exists/.test(reason)) throw failure(reason);
    await delay(100);
  }

  async #ensureDatabase(): Promise<void> {
    const sql = this.#connect("postgres");
    try {
      const [exists] = await sql`select from pg_database where datname = 'tillwire'`;
      if (!exists) await sql`create database tillwire`;
    } finally {
      await sql.end();
    }
  }

  async #hold(): Promise<void> {
    // Not in the shop's own database: a restore renames that, and nobody may be connected to it then.
    const sql = this.#connect("postgres");
    try {
      await sql`select pg_advisory_lock_shared(${inUse})`;
    } catch (error) {
      await sql.end({ timeout: 0 });
      throw error;
    }
    this.#held = sql;
    sql.options.onclose = () => void this.#revive();
  }

  async #revive(): Promise<void> {
    if (this.#stopped) return;
    this.#options.log("the connection to PostgreSQL was lost; looking after it");
    try {
      await this.#settle();
      this.#options.log("PostgreSQL is there again");
    } catch (error) {
      if (!this.#stopped) this.#options.onLost?.(error);
    }
  }

  async #stop(): Promise<void> {
    if (await this.#isUsedByOthers()) {
      this.#options.log("PostgreSQL stays up: another process uses it");
      return;
    }
    for (const mode of ["fast", "immediate"]) {
      if (!runningPostmaster(this.#cluster)) return;
      await this.#programs.run("pg_ctl", (locate) => [
        "stop",
        "--wait",
        "--silent",
        "--timeout=120",
        `--mode=${mode}`,
        `--pgdata=${locate(this.#cluster)}`,
      ]);
    }
  }

  async #isUsedByOthers(): Promise<boolean> {
    const sql = this.#held;
    if (!sql) return false;
    try {
      await sql`select pg_advisory_unlock_shared(${inUse})`;
      // Of a process that was killed the server may not know yet.
      await sql`set lock_timeout = '1s'`;
      await sql`select pg_advisory_lock(${inUse})`;
      return false;
    } catch (error) {
      return error instanceof postgres.PostgresError && error.code === LOCK_NOT_AVAILABLE;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  #connect(database: string): postgres.Sql {
    return postgres(this.#urlOf(database), {
      max: 1,
      max_lifetime: null,
      connect_timeout: 10,
      // a connection that breaks while it asks for types is an unhandled rejection, which would end the process
      fetch_types: false,
      onnotice: () => undefined,
      connection: { application_name: "tillwire launcher" },
    });
  }

  #urlOf(database: string): string {
    return `postgres://tillwire:${this.#password}@127.0.0.1:${String(this.#port)}/${database}`;
  }
}

function failure(reason: string): StartupError {
  return new StartupError("POSTGRES_START_FAILED", `The embedded PostgreSQL did not start. ${reason}`);
}

function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const descriptor = fs.openSync(path, "r");
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}
