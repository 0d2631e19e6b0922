/** What processes cost, by their ids. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  /** User and system time since it began, in ms. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** @throws when there is no such process */
export function usageOf(pid: number): Usage {
  if (process.platform === "linux") return { cpuMs: threadsMs(pid), rssBytes: Number(statOf(pid)[21]) * PAGE_BYTES };
  const [time, rss] = execFileSync("ps", ["-o", "time=,rss=", "-p", String(pid)], { encoding: "utf8" })
    .trim()
    .split(/\s+/);
  const seconds = time!.split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: seconds * 1_000, rssBytes: Number(rss) * 1024 };
}

/** The scheduler's own count, in ns: the ticks of `stat` are too coarse for what takes a second. Gone meanwhile: 0. */
function threadsMs(pid: number): number {
  try {
    const ns = readdirSync(`/proc/${pid}/task`).map((task) =>
      Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]),
    );
    return ns.reduce((sum, each) => sum + each, 0) / 1e6;
  } catch {
    // a kernel without these counts, or a thread that has just ended
    try {
      const fields = statOf(pid);
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    } catch {
      return 0;
    }
  }
}

/** Fields from the third on: the second, the name, may hold blanks. */
function statOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
}
