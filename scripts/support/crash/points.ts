/** Deaths at named points of a write's way, instead of at any moment. What is armed here, named-points.mjs carries out in the node. */
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isThere } from "@tillwire/server/process-start";
import type { Site } from "./site.ts";

export const NODE_POINTS = [
  "before commit",
  "commit sent",
  "after commit",
  "before broadcast",
  "before result",
  "within result",
] as const;
export type Point = (typeof NODE_POINTS)[number];

/** People write all the time; a node that takes none of it does not get there. */
const REACHED_MS = 5_000;

/** @returns whether that process died there; else nothing happens to it */
export async function dieAt(site: Site, node: number, point: Point, pid: number): Promise<boolean> {
  const file = site.pointFileOf(node);
  writeFileSync(file, JSON.stringify({ point, pid }));
  try {
    const deadline = performance.now() + REACHED_MS;
    while (isThere(pid) && performance.now() < deadline) await delay(10);
    return !isThere(pid);
  } finally {
    rmSync(file, { force: true });
  }
}
