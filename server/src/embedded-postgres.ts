/**
 * A real PostgreSQL of our own, for a shop that has none: made on the first start, adopted if it still runs, recovered
 * after a crash of anything, revived if it dies (postgres-cluster.ts). Several processes of one machine may share it: whoever leaves
 * last stops it. It listens on 127.0.0.1 alone and wants the password. Nothing is traded for speed: fsync stays on.
 */
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { PostgresCluster, startFailure } from "./postgres-cluster.ts";
import { StartupError } from "./startup-error.ts";

export interface EmbeddedPostgresOptions {
  /** Made if it is missing. Besides the launcher's files there are at most `backups/`. */
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

/** An advisory lock that every launcher of a server shares: the last one to leave stops it. */
const inUse = 7_451_893;
/** A revival that is under way when this process leaves is waited for so long. */
const leavePatienceMs = 10_000;
const LOCK_NOT_AVAILABLE = "55P03";
/** Of a person who waits for the first start. */
const startPatienceMs = 120_000;
/** A server that died may find a full disk, and somebody who makes room. Meanwhile devices keep what they have. */
const revivalPatienceMs = 300_000;

class Launcher implements EmbeddedPostgres {
  pid = 0;
  readonly #options: EmbeddedPostgresOptions;
  readonly #cluster: PostgresCluster;
  /** One connection that stays: it holds `inUse`, and its end tells that the server is gone. */
  #held: postgres.Sql | undefined;
  readonly #leaving = new AbortController();
  #revival = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(options: EmbeddedPostgresOptions) {
    this.#options = options;
    this.#cluster = new PostgresCluster(options.dataDir, options.log, options.port);
  }

  get url(): string {
    return this.#cluster.urlOf("tillwire");
  }

  async start(): Promise<void> {
    await this.#settle(startPatienceMs);
  }

  stop(): Promise<void> {
    this.#leaving.abort();
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /**
   * Until the server runs and a connection to it stands. All steps are taken anew after a failure: a server that dies may
   * look alive for a moment, and one that recovers from a crash turns connections away, or drops them, for a while.
   */
  async #settle(patienceMs: number): Promise<void> {
    const deadline = Date.now() + patienceMs;
    const bringUp = { patienceMs, isRevival: this.#held !== undefined, abort: this.#leaving.signal };
    for (;;) {
      try {
        this.pid = await this.#cluster.bringUp(bringUp);
        await this.#ensureDatabase();
        return await this.#hold();
      } catch (error) {
        if (error instanceof StartupError || bringUp.abort.aborted) throw error;
        if (Date.now() > deadline) throw unusable(error, this.#cluster.running?.pid);
        await delay(100);
      }
    }
  }

  async #ensureDatabase(): Promise<void> {
    const sql = this.#connect("postgres");
    try {
      const [exists] = await sql`select from pg_database where datname = 'tillwire'`;
      if (!exists) await sql`create database tillwire`;
    } finally {
      await sql.end({ timeout: 1 });
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
    sql.options.onclose = () => {
      this.#revival = this.#revive();
    };
  }

  async #revive(): Promise<void> {
    if (this.#stopped) return;
    this.#options.log("the connection to PostgreSQL was lost; looking after it");
    try {
      await this.#settle(revivalPatienceMs);
      this.#options.log("PostgreSQL is there again");
    } catch (error) {
      if (!this.#stopped) this.#options.onLost?.(error);
    }
  }

  async #stop(): Promise<void> {
    // What it has under way would go on using the server, and keep others from stopping it.
    // But who leaves does not wait for ever: of a connection that broke while it opened, the driver may say nothing.
    await Promise.race([this.#revival, delay(leavePatienceMs, undefined, { ref: false })]);
    const pid = this.#cluster.running?.pid;
    if (pid === undefined) return;
    const isUsed = await Promise.race([
      this.#isUsedByOthers(),
      // nobody answers: whoever still needs the server keeps it
      delay(leavePatienceMs, true, { ref: false }),
    ]);
    if (isUsed) {
      this.#options.log("PostgreSQL stays up: another process uses it");
      return;
    }
    await this.#cluster.stop(pid);
  }

  async #isUsedByOthers(): Promise<boolean> {
    const sql = this.#held;
    if (!sql) return false;
    try {
      await sql`select pg_advisory_unlock_shared(${inUse})`;
      // Of a process that was killed the server may not know yet.
      await sql`set lock_timeout = '3s'`;
      await sql`select pg_advisory_lock(${inUse})`;
      return false;
    } catch (error) {
      return error instanceof postgres.PostgresError && error.code === LOCK_NOT_AVAILABLE;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  #connect(database: string): postgres.Sql {
    return postgres(this.#cluster.urlOf(database), {
      max: 1,
      max_lifetime: null,
      connect_timeout: 10,
      // a connection that breaks while it asks for types is an unhandled rejection, which would end the process
      fetch_types: false,
      onnotice: () => undefined,
      connection: { application_name: "tillwire launcher" },
    });
  }
}

function unusable(error: unknown, pid: number | undefined): StartupError {
  const { code, message } = error as { code?: string; message?: string };
  const server = pid === undefined ? "It is down" : `Process ${String(pid)} runs, but does not serve`;
  return startFailure(`${server} (${code ?? String(message)}).`);
}
