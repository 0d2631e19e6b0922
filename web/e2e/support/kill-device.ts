/** The whole browser of a device dies at once, as by a power switch that spares the disk. */
import { execFileSync } from "node:child_process";
import type { BrowserContext } from "playwright-core";

/**
 * SIGKILL for every process of the browser: none of them can finish anything.
 * @param profile as it was given to launchDevice
 */
export async function killDevice(context: BrowserContext, profile: string): Promise<void> {
  const closed = new Promise<void>((resolve) => context.once("close", () => resolve()));
  // It is started as the leader of a process group of its own.
  process.kill(-mainProcessOf(profile), "SIGKILL");
  await closed;
}

function mainProcessOf(profile: string): number {
  const processes = execFileSync("ps", ["-A", "-ww", "-o", "pid=,args="], { encoding: "utf8", maxBuffer: 1 << 24 });
  // Renderers and helpers say of what type they are.
  const main = processes
    .split("\n")
    .find((line) => line.includes(`--user-data-dir=${profile}`) && !line.includes("--type="));
  const pid = Number(main?.trim().split(" ", 1)[0]);
  if (!pid) throw new Error(`no browser runs on ${profile}`);
  return pid;
}
