/** Links on which nothing happens: memory each, and what heartbeats cost. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { LIMITS } from "@tillwire/protocol/limits";
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import { judged, judgedBy, type Figure } from "../result.ts";
import { openShops } from "../shops.ts";
import { startSystem, type System } from "../systems.ts";

const WANTED = 10_000;
const QUICK = 1_000;
const SHOP_DEVICES = 100;
/** Of a process's files, those that are no links. */
const OTHER_FILES = 500;
const OPENING = 100;
/** All heartbeats once, and some more: pings of the server, and the pings and statuses that devices send. */
const IDLE_MS = 18_000;

/** Each link is an open file in the server, and one in the load generator; both inherit this process's limit. */
function linksPossible(): number {
  if (process.platform !== "linux") return 2_000;
  const limit = /Max open files\s+(\d+|unlimited)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return limit === undefined || limit === "unlimited" ? WANTED : Math.max(100, Number(limit) - OTHER_FILES);
}

interface Held {
  readonly rss: number;
  readonly heap: number;
  /** After its garbage was collected. */
  readonly rssCollected: number;
}
interface Idle {
  /** Bytes a link, beyond the server that has none. */
  readonly each: Held;
  readonly empty: Held;
  readonly cpuShare: number;
  readonly openedMs: number;
}

async function held(system: System): Promise<Held> {
  const { rssBytes } = system.usage();
  const heap = await system.heapBytes();
  return { rss: rssBytes, heap, rssCollected: system.usage().rssBytes };
}

/** The garbage of a server without links is collected before; with links, what it takes is looked at first. */
async function measure(bench: Bench, name: "thin" | "relay", links: number, idleMs: number): Promise<Idle> {
  const system = await startSystem(name, bench.databases);
  const input = { spread: true, readers: 0 };
  try {
    const warm = await system.newRound(200);
    const first = await prepareDevices(0, system, warm, { ...input, count: 200, seed: 1 });
    await first.ask("open", null);
    await first.ask("close", null);
    await delay(1_000);
    const empty = await held(system);
    const { databaseUrl } = system;
    const shops = Math.ceil(links / SHOP_DEVICES);
    const keys = databaseUrl === null ? null : (await openShops(databaseUrl, shops, SHOP_DEVICES)).flat();
    const devices = await prepareDevices(0, system, { keys }, { ...input, count: links, seed: 2 });
    bench.progress(`${name}: opening ${links} links`);
    const begin = clockMs();
    await devices.ask("open", OPENING);
    const openedMs = clockMs() - begin;
    await delay(3_000);
    await devices.ask("beat", LIMITS.heartbeatMs);
    const before = system.usage().cpuMs;
    bench.progress(`${name}: ${links} links idle, opened in ${(openedMs / 1_000).toFixed(1)} s`);
    await delay(idleMs);
    const cpuShare = (system.usage().cpuMs - before) / idleMs;
    const full = await held(system);
    await devices.ask("allOpen", null);
    await devices.ask("close", null);
    const each = {
      rss: (full.rss - empty.rss) / links,
      heap: (full.heap - empty.heap) / links,
      rssCollected: (full.rssCollected - empty.rssCollected) / links,
    };
    return { each, empty, cpuShare, openedMs };
  } finally {
    await system.stop();
  }
}

export const idleLinks: Measure = {
  name: "idle-links",
  title: "Idle links: memory of a link, cost of heartbeats",
  async run(bench) {
    const links = Math.min(bench.quick ? QUICK : WANTED, linksPossible());
    const idleMs = bench.quick ? 3_000 : IDLE_MS;
    const relay = await measure(bench, "relay", links, 1_000);
    const ours = await measure(bench, "thin", links, idleMs);
    const kib = (what: string, key: keyof Held): Figure => ({
      ...{ what: `Tillwire: ${what}, a link`, value: ours.each[key] / 1024, unit: "KiB" },
      limit: { name: "relay", value: relay.each[key] / 1024 },
    });
    const figures: Figure[] = [
      judged({ ...kib("resident memory beyond an empty server", "rss"), id: "idle.kib" }, { atMost: 1.25 }),
      kib("the same, garbage collected", "rssCollected"),
      kib("JavaScript heap, garbage collected", "heap"),
      { what: "raw relay: resident memory, a link", value: relay.each.rss / 1024, unit: "KiB" },
      { what: "Tillwire: an empty server", value: ours.empty.rss / 2 ** 20, unit: "MiB" },
      judgedBy(
        { what: "Tillwire: heartbeats, of a core", value: ours.cpuShare * 100, unit: "%", id: "idle.heartbeats" },
        "< 10 %",
        ours.cpuShare < 0.1,
      ),
      { what: "Tillwire: links opened and welcomed", value: (links * 1_000) / ours.openedMs, unit: "links/s" },
      { what: "raw relay: links opened", value: (links * 1_000) / relay.openedMs, unit: "links/s" },
    ];
    const fewer = links < WANTED ? ` (${WANTED} in a whole run, if the limit on open files allows)` : "";
    const notes = [
      `${links} links${fewer}, ${SHOP_DEVICES} a shop, each from an address of its own; ${idleMs / 1_000} s idle. One round: so many links vary little.`,
    ];
    return { figures, notes };
  },
};
