/** Many receivers: what one delivery costs the server, and how long the last one waits. */
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import type { Arrivals } from "../programs/devices.ts";
import { judged, type Figure, type Plot } from "../result.ts";
import { curveOf, latenciesOf, median } from "../statistics.ts";
import { startSystem, type System } from "../systems.ts";

const PER_SECOND = 50;
/** So many of the receivers read what comes, and tell latencies; the others count, so that they are not what is measured. */
const READERS = 20;

interface FanOut {
  readonly cpuUs: number;
  readonly latencies: number[];
}

async function round(system: System, receivers: number, seconds: number, compressed: boolean): Promise<FanOut> {
  const shop = await system.newRound(receivers + 1);
  const seed = Math.floor(clockMs());
  const seller = await prepareDevices(0, system, shop, { count: 1, seed });
  const input = { count: receivers, firstKey: 1, seed: seed + 1, readers: READERS, compressed };
  const listening = await prepareDevices(1, system, shop, input);
  try {
    await listening.ask("open", null);
    await seller.ask("open", null);
    const orders = PER_SECOND * seconds;
    const before = system.usage().cpuMs;
    await seller.ask("sell", { perSecond: PER_SECOND, seconds });
    await listening.ask("arrived", orders);
    const cpuUs = ((system.usage().cpuMs - before) * 1_000) / (orders * receivers);
    const { latencies } = await listening.ask<Arrivals>("arrivals", null);
    await listening.ask("verify", orders);
    await shop.check(orders);
    return { cpuUs, latencies };
  } finally {
    await Promise.all([seller.ask("close", null), listening.ask("close", null)]);
  }
}

interface Variant {
  readonly title: string;
  readonly system: "thin" | "relay";
  readonly compressed: boolean;
}
const VARIANTS: readonly Variant[] = [
  { title: "Tillwire", system: "thin", compressed: false },
  { title: "raw relay", system: "relay", compressed: false },
  { title: "Tillwire, compression offered as browsers do", system: "thin", compressed: true },
];
/** At more receivers, compression says nothing new. */
const variantsAt = (receivers: number): readonly Variant[] => (receivers > 200 ? VARIANTS.slice(0, 2) : VARIANTS);

async function compareVariants(bench: Bench, receivers: number): Promise<Map<Variant, FanOut[]>> {
  const thin = await startSystem("thin", bench.databases);
  const relay = await startSystem("relay", bench.databases);
  const variants = variantsAt(receivers);
  const found = new Map<Variant, FanOut[]>(variants.map((variant) => [variant, []]));
  try {
    for (let n = 0; n <= bench.rounds; n += 1) {
      for (const variant of variants) {
        bench.progress(`${receivers} receivers, round ${n}: ${variant.title}`);
        const seconds = bench.quick || n === 0 ? 1 : 2;
        const result = await round(variant.system === "thin" ? thin : relay, receivers, seconds, variant.compressed);
        if (n > 0) found.get(variant)!.push(result);
      }
    }
    return found;
  } finally {
    await Promise.all([thin.stop(), relay.stop()]);
  }
}

export const fanOut: Measure = {
  name: "fan-out",
  title: `Fan-out: ${PER_SECOND} orders/s to many receivers`,
  async run(bench) {
    const figures: Figure[] = [];
    const plots: Plot[] = [];
    for (const receivers of bench.quick ? [200] : [200, 1_000]) {
      const found = await compareVariants(bench, receivers);
      const cpu = (variant: Variant): number => median(found.get(variant)!.map(({ cpuUs }) => cpuUs));
      const p99 = (variant: Variant): number =>
        median(found.get(variant)!.map(({ latencies }) => latenciesOf(latencies).p99));
      const relay = VARIANTS[1]!;
      for (const variant of variantsAt(receivers)) {
        const about = `${variant.title}, ${receivers} receivers`;
        const id = `fan-out.${receivers}.${variant.system}${variant.compressed ? ".compressed" : ""}`;
        const cost = { what: `${about}: server CPU a delivery`, value: cpu(variant), unit: "us", id };
        const late = { what: `${about}: p99`, value: p99(variant), unit: "ms" };
        if (variant === relay) figures.push(cost, late);
        else {
          const dear = { ...cost, limit: { name: "relay", value: cpu(relay) } };
          const beside = { ...late, limit: { name: "relay", value: p99(relay) } };
          // a relay that does not compress is no measure for what compression costs
          figures.push(variant.compressed ? dear : judged(dear, { atMost: 1.25 }));
          figures.push(receivers === 200 && !variant.compressed ? judged(beside, { atMost: 2 }) : beside);
        }
      }
      const series = variantsAt(receivers).map((variant) => ({
        name: variant.title.split(",")[0]! + (variant.compressed ? ", compressed" : ""),
        points: curveOf(found.get(variant)!.flatMap(({ latencies }) => latencies)),
      }));
      plots.push({ title: `Fan-out to ${receivers}`, x: "share of arrivals", y: "ms", logY: true, series });
    }
    return { figures, plots };
  },
};
