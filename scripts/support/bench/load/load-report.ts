/** What a load test tells at its end. */
import { judgedBy, type Figure, type Plot } from "../result.ts";
import { curveOf, latenciesOf, rateOverTime } from "../statistics.ts";
import type { LoadOutcome } from "./load-run.ts";
import type { Sample } from "./load-tally.ts";

export function figuresOf({ tally, sold, sellingMs, ms, openingMs, faults }: LoadOutcome): Figure[] {
  const acknowledged = tally.acknowledgedIds.size;
  return [
    { what: "offered", value: (sold * 1_000) / sellingMs, unit: "sales/s" },
    { what: "achieved", value: (acknowledged * 1_000) / ms, unit: "sales/s" },
    { what: "all devices live after", value: openingMs / 1_000, unit: "s" },
    ...percentiles("acknowledged", tally.acknowledged),
    ...[...tally.arrived].flatMap(([transport, sample]) =>
      percentiles(`arrived at a device over ${transport}`, sample),
    ),
    ...[...tally.errors].map(([code, value]): Figure => ({ what: `told: ${code}`, value, unit: "times" })),
    { what: "conflicts", value: tally.conflicts, unit: "" },
    { what: "links lost", value: tally.reconnects, unit: "" },
    { what: "bytes both ways", value: tally.bytes / 2 ** 20, unit: "MiB" },
    judgedBy(
      { what: "acknowledged sales", value: acknowledged, unit: `of ${sold}` },
      "each in the feed once and everywhere once",
      faults.length === 0,
    ),
  ];
}

function percentiles(what: string, { values }: Sample): Figure[] {
  const latencies = latenciesOf(values);
  return (["p50", "p95", "p99", "max"] as const).map((key) => ({
    what: `${what}: ${key}`,
    value: latencies[key],
    unit: "ms",
  }));
}

export function plotsOf({ tally }: LoadOutcome): Plot[] {
  const latency = [
    { name: "acknowledged", points: curveOf(tally.acknowledged.values) },
    ...[...tally.arrived].map(([transport, { values }]) => ({
      name: `arrived, ${transport}`,
      points: curveOf(values),
    })),
  ];
  const throughput = [
    { name: "sold", points: rateOverTime(tally.soldAt, 1_000) },
    { name: "acknowledged", points: rateOverTime(tally.moments, 1_000, tally.soldAt[0]) },
  ];
  return [
    { title: "Latency", x: "share", y: "ms", logY: true, series: latency },
    { title: "Throughput", x: "s", y: "sales/s", series: throughput },
  ];
}
