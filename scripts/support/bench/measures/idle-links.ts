/** Links on which nothing happens: memory each, and what heartbeats cost. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import { judged, judgedBy, type Figure } from "../result.ts";
import { openShops } from "../shops.ts";
import { startSystem, type Round } from "../systems.ts";

const WANTED = 10_000;
const SHOP_DEVICES = 100;
/** Of a server's files, those that are no links. */
const OTHER_FILES = 500;

/** Each link is an open file in the server, and one in the load generator. */
function linksPossible(): number {
  if (process.platform !== "linux") return 2_000;
  const limit = /Max open files\s+\S+\s+(\d+|unlimited)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return limit === undefined || limit === "unlimited" ? WANTED : Math.max(100, Number(limit) - OTHER_FILES);
}

interface Idle {
  readonly bytesEach: number;
  readonly cpuShare: number;
  readonly openedMs: number;
}

async function measure(bench: Bench, name: "thin" | "relay", links: number, idleMs: number): Promise<Idle> {
  const system = await startSystem(name, bench.databases);
  try {
    const warm = await system.newRound(200);
    const first = await prepareDevices(0, system, warm, { count: 200, seed: 1, spread: true, readers: 0 });
    await first.ask("open", null);
    await first.ask("close", null);
    await delay(1_000);
    const before = system.usage().rssBytes;
    const round: Round =
      system.databaseUrl === null
        ? warm
        : {
            ...warm,
            keys: (await openShops(system.databaseUrl, Math.ceil(links / SHOP_DEVICES), SHOP_DEVICES)).flat(),
          };
    const devices = await prepareDevices(0, system, round, { count: links, seed: 2, spread: true, readers: 0 });
    bench.progress(`${name}: opening ${links} links`);
    const begin = clockMs();
    await devices.ask("open", 50);
    const openedMs = clockMs() - begin;
    await delay(3_000);
    const settled = system.usage();
    bench.progress(`${name}: ${links} links idle`);
    await delay(idleMs);
    const after = system.usage();
    await devices.ask("close", null);
    const bytesEach = (Math.max(settled.rssBytes, after.rssBytes) - before) / links;
    return { bytesEach, cpuShare: (after.cpuMs - settled.cpuMs) / idleMs, openedMs };
  } finally {
    await system.stop();
  }
}

export const idleLinks: Measure = {
  name: "idle-links",
  title: "Idle links: memory of a link, cost of heartbeats",
  async run(bench) {
    const links = Math.min(bench.quick ? 1_000 : WANTED, linksPossible());
    const idleMs = bench.quick ? 4_000 : 18_000;
    const relay = await measure(bench, "relay", links, 1_000);
    const ours = await measure(bench, "thin", links, idleMs);
    const kib = { value: ours.bytesEach / 1024, unit: "KiB", limit: { name: "relay", value: relay.bytesEach / 1024 } };
    const figures: Figure[] = [
      judged({ what: "Tillwire: memory a link, beyond an empty server", ...kib }, { atMost: 1.25 }),
      { what: "raw relay: memory a link", value: relay.bytesEach / 1024, unit: "KiB" },
      judgedBy(
        { what: "Tillwire: heartbeats, of a core", value: ours.cpuShare * 100, unit: "%" },
        "< 10 % of a core",
        ours.cpuShare < 0.1,
      ),
      { what: "Tillwire: links opened and welcomed", value: (links * 1_000) / ours.openedMs, unit: "links/s" },
    ];
    const fewer =
      links < WANTED
        ? ` (${WANTED} are wanted; fewer in a quick run, or where the limit on open files allows no more)`
        : "";
    const notes = [
      `${links} links${fewer}, ${SHOP_DEVICES} a shop. Measured once: one more round would take as long as all other measures.`,
    ];
    return { figures, notes };
  },
};
