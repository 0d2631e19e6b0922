/** What a node of the measured size carries, and what to add next: a paragraph for the server's README. */
import { numberText, type Report } from "./report.ts";

/** Each device sells once a minute at the busiest time; a sale is an order and its payment. */
const WRITES_A_SALE = 2;
/** Of what was measured: the rest is for bursts, and for what the load generators took of the same cores. */
const HEADROOM = 0.5;

function figure(report: Report | null, id: string): number | null {
  const found = report?.entries.flatMap(({ figures = [] }) => figures).find((each) => each.id === id);
  return found && Number.isFinite(found.value) ? found.value : null;
}

/** @param nodes of `--nodes 2`; null: left out @returns null: what it takes was not measured */
export function capacityText(full: Report | null, nodes: Report | null): string | null {
  const many = figure(full, "many.together");
  const linkKib = figure(full, "idle.kib");
  const beatShare = figure(full, "idle.heartbeats");
  if (!full || many === null || linkKib === null || beatShare === null) return null;
  const { cores, model, memoryGiB } = full.machine;
  const devicesByWrites = Math.floor((many * HEADROOM * 60) / WRITES_A_SALE);
  const linksByBeats = Math.floor((10_000 / beatShare) * 100 * 0.2);
  const devices = roundedDown(Math.min(devicesByWrites, linksByBeats));
  const memoryGib = (devices * linkKib) / 2 ** 20;
  const limit = devicesByWrites <= linksByBeats ? "writes" : "heartbeats";
  const drain = figure(full, "drain.replica");
  const catchUp = figure(full, "catch-up.replica");
  const storm = figure(full, "storm.seconds");
  const across = figure(nodes, "nodes.p50");
  return [
    `**Capacity**, as \`npm run bench\` measured it on ${cores} cores (${model.trim()}, ${memoryGiB} GiB) that server, PostgreSQL and the load`,
    `generators shared: ${numberText(many)} writes/s over 1,000 shops of 10 devices, each write delivered to all 10. Half of that for peaks, one sale a`,
    `minute on every device and ${WRITES_A_SALE} writes a sale make about ${numberText(devices)} devices a node; ${limit} are what ends first. Their links take`,
    `${numberText(linkKib)} KiB each (${numberText(memoryGib)} GiB in all), their heartbeats ${numberText((beatShare * devices) / 10_000)} % of a core.`,
    ...(drain === null
      ? []
      : [
          `A shop's full outboxes drain at ${numberText(drain)} orders/s${catchUp === null ? "." : `, and a new device reads ${numberText(catchUp)} records/s.`}`,
        ]),
    ...(storm === null ? [] : [`2,000 devices that come back at once are live after ${numberText(storm)} s.`]),
    "What to add next: when the server's process takes more than 70 % of a core (`process_cpu_seconds_total`), another node on the same PostgreSQL,",
    `behind a balancer${across === null ? "" : `: a write then reaches the other node's devices in ${numberText(across)} ms (p50)`}; when \`tillwire_commit_seconds\` rises while that core has room, a database`,
    "machine of its own, with a disk that syncs fast; when one PostgreSQL is full, distribute shops over several by `store_id`, which begins every key.",
  ].join("\n");
}

/** To two digits: more would claim too much. */
function roundedDown(value: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
  return Math.floor(value / step) * step;
}
