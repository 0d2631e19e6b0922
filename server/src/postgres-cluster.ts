/**
 * The files of an embedded PostgreSQL and the server on them: made once, brought up by one process at a time, stopped. In `dataDir`:
 * `cluster/` (PostgreSQL's), `launcher.json` (password and port), `postgres.log`, and `launching/` (see launch-lock.ts).
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { LaunchLock } from "./launch-lock.ts";
import { clearPidFile, type Postmaster, runningPostmaster } from "./postmaster.ts";
import { giveTo, PostgresPrograms } from "./postgres-programs.ts";
import { StartupError } from "./startup-error.ts";

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
  // "ready" is to mean so: while a recovery to a point in time goes on, it would let readers in
  "hot_standby=off",
  "timezone=UTC",
  "log_timezone=UTC",
];
/** Replaying what a crash left in the log may take long; that is no reason to give up. */
const recoverySeconds = 600;
/** An orderly stop, which writes what is in memory; then a stop at once, which the next start recovers from. */
const stopSeconds = 120;
/** What passes by itself: processes of a server that was killed live on for a moment, and somebody may take a port that was free. */
const passing = /still in use|already in use|postmaster\.pid" (already exists|is empty)/;

export interface BringUp {
  /** For how long what may pass by itself is waited for, and a process that holds the launch lock. */
  readonly patienceMs: number;
  /** The server ran before: it must come back at the same port, and no reason why it does not start at once is final. */
  readonly isRevival: boolean;
  /** The caller is not interested any more. */
  readonly abort: AbortSignal;
}

export class PostgresCluster {
  readonly #dataDir: string;
  readonly #path: string;
  readonly #programs: PostgresPrograms;
  readonly #lock: LaunchLock;
  readonly #log: (message: string) => void;
  readonly #wantedPort: number | undefined;
  #password = "";
  #port = 0;

  constructor(dataDir: string, log: (message: string) => void, port: number | undefined) {
    fs.mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    this.#dataDir = fs.realpathSync(dataDir);
    this.#path = join(this.#dataDir, "cluster");
    this.#programs = new PostgresPrograms(this.#path, join(this.#dataDir, "postgres.log"));
    this.#lock = new LaunchLock(join(this.#dataDir, "launching"));
    this.#log = log;
    this.#wantedPort = port;
  }

  urlOf(database: string): string {
    return `postgres://tillwire:${this.#password}@127.0.0.1:${String(this.#port)}/${database}`;
  }

  get running(): Postmaster | undefined {
    return runningPostmaster(this.#path);
  }

  /**
   * Resolves when the server takes connections, whoever launched it.
   * @returns its pid
   * @throws StartupError POSTGRES_START_FAILED
   */
  async bringUp(bringUp: BringUp): Promise<number> {
    const startedAt = Date.now();
    for (;;) {
      bringUp.abort.throwIfAborted();
      const { running } = this;
      if (running?.status === "ready") {
        this.#giveBackLock();
        this.#adopt(running, bringUp);
        return running.pid;
      }
      const waitedMs = Date.now() - startedAt;
      if (running) {
        if (waitedMs > recoverySeconds * 1_000)
          throw startFailure(`It neither starts nor stops; see ${this.#logFile}.`);
        await delay(50);
        continue;
      }
      const holder = this.#lock.take();
      if (holder === undefined) await this.#launch(bringUp, waitedMs);
      else if (waitedMs > bringUp.patienceMs) throw heldUp(holder, waitedMs);
      else await delay(50);
    }
  }

  /**
   * Only that very process: whoever was faster may have brought up another one. `pg_ctl stop` would not do: it takes whatever the
   * pid file names, again and again, and so waits for the end of a server that somebody starts when this one is down.
   */
  async stop(pid: number): Promise<void> {
    for (const signal of ["INT", "QUIT"]) {
      if (this.running?.pid !== pid) return;
      await this.#programs.run("pg_ctl", () => ["kill", signal, String(pid)]);
      const deadline = Date.now() + stopSeconds * 1_000;
      while (this.running?.pid === pid && Date.now() < deadline) await delay(20);
    }
  }

  get #logFile(): string {
    return this.#programs.logFile;
  }

  #adopt({ port }: Postmaster, { isRevival }: BringUp): void {
    const former = this.#port;
    this.#readState();
    if (isRevival && former !== port)
      throw startFailure(`It came back on port ${String(port)}, not ${String(former)}.`);
    if (!isRevival && former !== port) this.#log(`PostgreSQL runs already, on port ${String(port)}`);
    this.#port = port;
  }

  /** With the lock, which it gives back if it can. */
  async #launch(bringUp: BringUp, waitedMs: number): Promise<void> {
    try {
      // Who had the lock before may have been at it.
      if (this.running) return;
      if (fs.existsSync(this.#path)) this.#readState();
      else await this.#initialise();
      const reason = await this.#startServer(bringUp);
      if (reason === undefined) return this.#writeState();
      // A launcher that was killed leaves a pg_ctl that still does its work.
      if (this.running) return;
      const mayPass = bringUp.isRevival || passing.test(reason);
      if (!mayPass || waitedMs > bringUp.patienceMs) throw startFailure(reason.slice(-2_000));
    } finally {
      this.#giveBackLock();
    }
    await delay(bringUp.isRevival ? 500 : 100, undefined, { signal: bringUp.abort });
  }

  /** On a full disk it stays taken, and is given back another time. That must not hide why the server did not start. */
  #giveBackLock(): void {
    try {
      this.#lock.release();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#log(`other processes may not start PostgreSQL yet (${code ?? message})`);
    }
  }

  /** @returns why it did not start; undefined if it did */
  async #startServer({ isRevival }: BringUp): Promise<string | undefined> {
    clearPidFile(this.#path);
    this.#programs.rotateLog();
    if (!isRevival) this.#port = this.#wantedPort ?? (await freePort(this.#port));
    const settings = [...serverSettings, `port=${String(this.#port)}`];
    const logEnd = this.#programs.logEnd();
    const exitCode = await this.#programs.run("pg_ctl", (locate) => [
      "start",
      "--wait",
      "--silent",
      `--timeout=${String(recoverySeconds)}`,
      `--pgdata=${locate(this.#path)}`,
      `--options=${settings.map((setting) => `-c ${setting}`).join(" ")}`,
    ]);
    return exitCode === 0 ? undefined : this.#programs.logSince(logEnd);
  }

  /** The cluster gets its name when it is complete: a first start that is interrupted begins anew. */
  async #initialise(): Promise<void> {
    this.#log("creating the database");
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
    if (exitCode !== 0) throw startFailure(this.#programs.logSince(logEnd).slice(-2_000));
    fs.renameSync(draft, this.#path);
    syncDirectory(this.#dataDir);
  }

  get #stateFile(): string {
    return join(this.#dataDir, "launcher.json");
  }

  #readState(): void {
    if (!fs.existsSync(this.#stateFile))
      throw startFailure(`launcher.json, which holds the password, is missing in ${this.#dataDir}.`);
    const state = JSON.parse(fs.readFileSync(this.#stateFile, "utf8")) as { password: string; port: number };
    this.#password = state.password;
    this.#port = state.port;
  }

  #writeState(): void {
    const state = JSON.stringify({ password: this.#password, port: this.#port });
    // A disk that is full must not matter to a server that merely came back.
    if (fs.existsSync(this.#stateFile) && fs.readFileSync(this.#stateFile, "utf8") === state) return;
    const draft = `${this.#stateFile}.new`;
    fs.writeFileSync(draft, state, { mode: 0o600, flush: true });
    // root visits a directory of somebody who will want to read this again
    if (process.getuid?.() === 0) giveTo(fs.statSync(this.#dataDir), draft);
    fs.renameSync(draft, this.#stateFile);
    syncDirectory(this.#dataDir);
  }
}

export function startFailure(reason: string): StartupError {
  return new StartupError("POSTGRES_START_FAILED", `The embedded PostgreSQL did not start. ${reason}`);
}

function heldUp(holder: number, waitedMs: number): StartupError {
  const seconds = Math.round(waitedMs / 1_000);
  return startFailure(
    `Process ${String(holder)} has been about to start it for ${String(seconds)} s. If it hangs, end it, and start again.`,
  );
}

function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const descriptor = fs.openSync(path, "r");
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}
