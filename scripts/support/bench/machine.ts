/** What the figures were measured on. */
import { cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
  /** Of the last minute. */
  readonly load: number;
}

export function machineNow(): Machine {
  const cores = cpus();
  return {
    ...{ cores: cores.length, model: cores[0]?.model ?? "unknown", memoryGiB: Math.round(totalmem() / 2 ** 30) },
    ...{ node: process.version, platform: `${process.platform} ${process.arch}`, load: loadavg()[0]! },
  };
}

/** Above it, somebody else works on the machine, and figures say little. */
const QUIET_LOAD = 1;

/** What the machine does to the figures. */
export function caveatsOf({ cores, load }: Machine): string[] {
  const shared =
    cores > 4
      ? `${cores} cores: server, PostgreSQL and load generators each had cores of their own.`
      : `${cores} cores are shared by the server, PostgreSQL and the load generators: rates are those of the whole machine, and a ` +
        "latency holds the time in which somebody else had the core. Judge ratios of one run, never figures of different runs.";
  return load > QUIET_LOAD
    ? [shared, `The machine was not quiet: its load average was ${load.toFixed(1)} before anything was started.`]
    : [shared];
}
