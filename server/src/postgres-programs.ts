/** Runs PostgreSQL's own programs (initdb, pg_ctl) as the account they need, and keeps what they and the server say. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Account, isReachable, postgresBinaries, unprivilegedAccount } from "./postgres-binaries.ts";

/** Says where a path is for the program that is about to run. */
export type Locate = (path: string) => string;

const logLimitBytes = 8 * 1024 * 1024;

export class PostgresPrograms {
  readonly logFile: string;
  readonly account: Account | undefined;
  readonly #bin: string;

  /** `cluster` need not exist yet. */
  constructor(cluster: string, logFile: string) {
    this.logFile = logFile;
    this.account = accountFor(cluster);
    this.#bin = postgresBinaries(this.account);
  }

  /**
   * Resolves with the program's exit code. An account that may not search the directories above a path is handed the file
   * itself, as an open descriptor, and finds it under /proc: so nobody's permissions need to be widened, and the data
   * stays where it was asked for.
   */
  async run(program: "initdb" | "pg_ctl", args: (locate: Locate) => string[]): Promise<number | null> {
    const log = openSync(this.logFile, "a", 0o600);
    const handedOver: number[] = [];
    const locate: Locate = (path) => {
      if (process.platform !== "linux" || isReachable(path, this.account)) return path;
      handedOver.push(openSync(path, "r"));
      return `/proc/self/fd/${String(2 + handedOver.length)}`;
    };
    try {
      const child = spawn(join(this.#bin, program), args(locate), {
        ...this.account,
        // the own directory may be out of that account's reach
        cwd: process.platform === "win32" ? this.#bin : "/",
        // a Ctrl-C in the terminal is for the server, which stops PostgreSQL when it has drained
        detached: true,
        windowsHide: true,
        env: { PATH: process.env["PATH"], SystemRoot: process.env["SystemRoot"], LC_ALL: "C" },
        stdio: ["ignore", log, log, ...handedOver],
      });
      const [exitCode] = (await once(child, "exit")) as [number | null];
      return exitCode;
    } finally {
      for (const descriptor of [log, ...handedOver]) closeSync(descriptor);
    }
  }

  rotateLog(): void {
    if (this.logEnd() > logLimitBytes) renameSync(this.logFile, `${this.logFile}.1`);
  }

  logEnd(): number {
    return statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** What was logged from `start` (a former logEnd) on. */
  logSince(start: number): string {
    return readFileSync(this.logFile).subarray(start).toString("utf8").trim();
  }
}

export function giveTo(account: Account | undefined, path: string): void {
  if (account) chownSync(path, account.uid, account.gid);
}

/** Root lends an existing cluster the account that it belongs to: it may have been made without root. */
function accountFor(cluster: string): Account | undefined {
  const account = unprivilegedAccount();
  const owner = statSync(cluster, { throwIfNoEntry: false });
  return account && owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : account;
}
