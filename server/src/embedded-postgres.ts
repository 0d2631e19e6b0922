/**
 * A real PostgreSQL of our own, for a shop that has none: made on the first start, adopted if it still runs, recovered
 * after a crash of anything, revived if it dies (postgres-cluster.ts). Several processes of one machine may share it: whoever leaves
 * last stops it. It listens on 127.0.0.1 alone and wants the password. Nothing is traded for speed: fsync stays on.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LauncherConnection } from "./launcher-connection.ts";
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
const LOCK_NOT_AVAILABLE = "55P03";
/** Of a person who waits for the first start. */
const startPatienceMs = 120_000;
/** A server that died may find a full disk, and somebody who makes room. Meanwhile devices keep what they have. */
const revivalPatienceMs = 300_000;
/** Who leaves asks for so long a server that runs, but does not serve. */
const leavePatienceMs = 30_000;

class Launcher implements EmbeddedPostgres {
  pid = 0;
  readonly #options: EmbeddedPostgresOptions;
  readonly #cluster: PostgresCluster;
  readonly #leaving = new AbortController();
  #keeping = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(options: EmbeddedPostgresOptions) {
    this.#options = options;
    this.#cluster = new PostgresCluster(options.dataDir, options.log, options.port);
  }

  get url(): string {
    return this.#cluster.urlOf("tillwire");
  }

  async start(): Promise<void> {
    const held = await this.#settle(startPatienceMs, false);
    this.#keeping = this.#keep(held);
  }

  stop(): Promise<void> {
    this.#leaving.abort();
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /**
   * Until the server runs and a connection to it stands. All steps are taken anew after a failure: a server that dies may
   * look alive for a moment, and one that recovers from a crash turns connections away, or drops them, for a while.
   * @returns a connection that stays: it holds `inUse`, and its end tells that the server is gone
   */
  async #settle(patienceMs: number, isRevival: boolean): Promise<LauncherConnection> {
    const deadline = Date.now() + patienceMs;
    const bringUp = { patienceMs, isRevival, abort: this.#leaving.signal };
    for (;;) {
      try {
        this.pid = await this.#cluster.bringUp(bringUp);
        return await this.#hold();
      } catch (error) {
        if (error instanceof StartupError || bringUp.abort.aborted) throw error;
        if (Date.now() > deadline) throw unusable(error, this.#cluster.running?.pid);
        await delay(100);
      }
    }
  }

  async #hold(): Promise<LauncherConnection> {
    // Not in the shop's own database: a restore renames that, and nobody may be connected to it then.
    const connection = new LauncherConnection(this.#cluster.urlOf("postgres"), { abort: this.#leaving.signal });
    try {
      const exists = await connection.query("select from pg_database where datname = 'tillwire'");
      if (exists.length === 0) await connection.query("create database tillwire");
      await connection.query(`select pg_advisory_lock_shared(${String(inUse)})`);
      return connection;
    } catch (error) {
      await connection.end();
      throw error;
    }
  }

  /** Ends soon after `leaving`: every connection does, and everything else looks at it. */
  async #keep(held: LauncherConnection): Promise<void> {
    for (;;) {
      await held.closed;
      if (this.#leaving.signal.aborted) return;
      this.#options.log("the connection to PostgreSQL was lost; looking after it");
      try {
        held = await this.#settle(revivalPatienceMs, true);
      } catch (error) {
        if (!this.#leaving.signal.aborted) this.#options.onLost?.(error);
        return;
      }
      this.#options.log("PostgreSQL is there again");
    }
  }

  async #stop(): Promise<void> {
    // What it has under way would go on using the server, and start one that nobody stops.
    await this.#keeping;
    const deadline = Date.now() + leavePatienceMs;
    for (;;) {
      const pid = this.#cluster.running?.pid;
      if (pid === undefined) return;
      const stays = await this.#stopUnlessUsed(pid);
      if (stays === undefined) return;
      if (stays === "is used") return this.#options.log("PostgreSQL stays up: another process uses it");
      // whoever still needs the server keeps it
      if (Date.now() > deadline) return this.#options.log(`PostgreSQL stays up: it does not serve (${stays})`);
      await delay(50);
    }
  }

  /** @returns undefined: it is stopped; else why not: "is used", or a code if it could not be asked, which may pass */
  async #stopUnlessUsed(pid: number): Promise<string | undefined> {
    const connection = new LauncherConnection(this.#cluster.urlOf("postgres"));
    try {
      // Of a process that left or was killed just now the server may not know yet.
      await connection.query("set lock_timeout = '3s'");
      await connection.query(`select pg_advisory_lock(${String(inUse)})`);
    } catch (error) {
      await connection.end();
      const { code, message } = error as { code?: string; message?: string };
      return code === LOCK_NOT_AVAILABLE ? "is used" : (code ?? String(message));
    }
    // It keeps the lock meanwhile: who would go on with the server comes when it is down.
    try {
      await this.#cluster.stop(pid);
    } finally {
      await connection.end();
    }
    return undefined;
  }
}

function unusable(error: unknown, pid: number | undefined): StartupError {
  const { code, message } = error as { code?: string; message?: string };
  const server = pid === undefined ? "It is down" : `Process ${String(pid)} runs, but does not serve`;
  return startFailure(`${server} (${code ?? String(message)}).`);
}
