/** What a process costs, by its id. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Usage {
  /** User and system time since it began, in ms. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** @throws when there is no such process */
export function usageOf(pid: number): Usage {
  if (process.platform === "linux") {
    // the second field, the name, may hold blanks
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS, rssBytes: Number(fields[21]) * PAGE_BYTES };
  }
  const [time, rss] = execFileSync("ps", ["-o", "time=,rss=", "-p", String(pid)], { encoding: "utf8" })
    .trim()
    .split(/\s+/);
  const seconds = time!.split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: seconds * 1_000, rssBytes: Number(rss) * 1024 };
}
