/** Tells a process from a later one that was given the same number. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * When the process started, to be compared with itself alone; different after a restart of the machine. Undefined: there is no such
 * process, or it is dead and waits for its parent. Null: it lives, and that is all that can be known.
 */
export function processStart(pid: number): string | null | undefined {
  if (!isThere(pid)) return undefined;
  try {
    if (process.platform === "linux") return startOnLinux(pid);
    if (process.platform === "win32") return null;
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", env: { LC_ALL: "C" } }).trim();
  } catch {
    // gone in the last moment, or somebody else's and hidden
    return isThere(pid) ? null : undefined;
  }
}

export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** proc_pid_stat(5): after the name, which may hold anything, the state comes first and the start is the 20th. */
function startOnLinux(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${String(fields[19])}`;
}
