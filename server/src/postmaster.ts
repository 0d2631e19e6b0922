/** Observes a PostgreSQL server from outside, through its pid file. */
import { readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** starting, ready, stopping, or empty in its first moments. */
  readonly status: string;
}

/** The server that runs on `cluster`; undefined if none does, whatever a pid file left behind by a crash may say. */
export function runningPostmaster(cluster: string): Postmaster | undefined {
  const lines = readLines(join(cluster, "postmaster.pid"));
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !worksIn(pid, cluster)) return undefined;
  return { pid, port: Number(lines[3]), status: (lines[7] ?? "").trim() };
}

/**
 * Whether the process is a postmaster of this cluster. That it is alive proves nothing: after a crash of the machine, or
 * in a container, its number soon belongs to another, and a zombie that nobody has reaped still takes signals.
 */
function worksIn(pid: number, cluster: string): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform === "linux") return readlinkSync(`/proc/${String(pid)}/cwd`) === realpathSync(cluster);
    if (process.platform === "win32") return true;
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).includes(cluster);
  } catch {
    return false;
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
