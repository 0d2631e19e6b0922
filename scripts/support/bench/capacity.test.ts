import { expect, test } from "vitest";
import { capacityText } from "./capacity.ts";
import type { Report } from "./report.ts";
import type { Figure } from "./result.ts";

function report(figures: Figure[]): Report {
  const machine = { cores: 2, model: "Test CPU", memoryGiB: 8, node: "v20", platform: "linux x64", load: 0.1 };
  const entry = { name: "some", title: "Some", ms: 1, loadBefore: 0, figures };
  return { at: "", quick: false, rounds: 3, postgres: "18", machine, entries: [entry] };
}
const figure = (id: string, value: number): Figure => ({ what: id, value, unit: "", id });
const measured = [figure("many.together", 2_000), figure("idle.kib", 40), figure("idle.heartbeats", 5)];

test("devices are told from half of the writes, or from heartbeats where those end first", () => {
  // 2,000 writes/s, half of them, 2 writes a sale, a sale a minute
  expect(capacityText(report(measured), null)).toContain("about 30,000 devices");
  const dear = report([measured[0]!, measured[1]!, figure("idle.heartbeats", 20)]);
  expect(capacityText(dear, null)).toContain("about 10,000 devices");
});

test("what another node costs is told where it was measured", () => {
  expect(capacityText(report(measured), null)).not.toContain("p50");
  expect(capacityText(report(measured), report([figure("nodes.p50", 12)]))).toContain("in 12 ms (p50)");
});

test("no figure, no claim", () => {
  expect(capacityText(report([]), null)).toBeNull();
  expect(capacityText(null, null)).toBeNull();
});
