/** Observes a PostgreSQL server from outside, through its pid file. */
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, realpathSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isThere } from "./process-start.ts";

const pidFileOf = (cluster: string): string => join(cluster, "postmaster.pid");
/** A server that starts writes its pid file right after it made it. */
const emptyForMs = 5_000;

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** starting, ready, stopping, or empty in its first moments. */
  readonly status: string;
}

/** The server that runs on `cluster`; undefined if none does, whatever a pid file left behind by a crash may say. */
export function runningPostmaster(cluster: string): Postmaster | undefined {
  const lines = readLines(pidFileOf(cluster));
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !worksIn(pid, cluster, lines[1] ?? "")) return undefined;
  return { pid, port: Number(lines[3]), status: (lines[7] ?? "").trim() };
}

/**
 * Removes a pid file that keeps PostgreSQL from starting though no server runs on `cluster`: PostgreSQL looks at the number alone, which may
 * be somebody else's by now, and takes an empty file for that of a server about to start. Any other one it removes itself, when it
 * has seen that the dead server's processes are gone too. For whoever holds the launch lock.
 */
export function clearPidFile(cluster: string): void {
  const file = pidFileOf(cluster);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat || runningPostmaster(cluster)) return;
  const pid = Number(readLines(file)[0]);
  const isNumber = Number.isInteger(pid) && pid > 0;
  if (isNumber ? isThere(pid) : Date.now() - stat.mtimeMs > emptyForMs) rmSync(file, { force: true });
}

/**
 * Whether the process is a postmaster of this cluster. That it is alive proves nothing: after a crash of the machine, or
 * in a container, its number soon belongs to another, and a zombie that nobody has reaped still takes signals.
 * @param named the data directory as the pid file has it
 */
function worksIn(pid: number, cluster: string, named: string): boolean {
  try {
    if (!isThere(pid)) return false;
    if (process.platform === "linux") return worksInOnLinux(pid, cluster, named);
    if (process.platform === "win32") return true;
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).includes(cluster);
  } catch {
    return false;
  }
}

function worksInOnLinux(pid: number, cluster: string, named: string): boolean {
  const about = `/proc/${String(pid)}`;
  try {
    return readlinkSync(`${about}/cwd`) === realpathSync(cluster);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") return false;
    // Root in a container may not look into other accounts' processes. Their arguments anybody may read: it was started on what its pid file names.
    return named !== "" && readFileSync(`${about}/cmdline`, "utf8").split("\0").includes(named);
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
