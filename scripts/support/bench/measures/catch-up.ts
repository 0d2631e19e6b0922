/** A new device reads a shop that has been there for long. */
import type { SystemName } from "../devices/device.ts";
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import { judgedAt, type Figure } from "../result.ts";
import { median } from "../statistics.ts";
import { startSystem, TITLES, type Round, type System } from "../systems.ts";

const KINDS = ["replica", "thin", "hand-rolled"] as const;
type Kind = (typeof KINDS)[number];
/** A hundred thousand records on a machine that is busy. */
const LIMIT_MS = 120_000;

async function readAll(system: System, kind: SystemName, shop: Round, key: number, records: number): Promise<number> {
  const input = { count: 1, firstKey: key, seed: 1, readers: kind === "thin" ? 0 : 1 };
  const device = await prepareDevices(0, { ...system, name: kind }, shop, input);
  try {
    const begin = clockMs();
    await device.ask("open", null);
    const end = await device.ask<number>("arrived", { orders: records, timeoutMs: LIMIT_MS });
    await device.ask("verify", records);
    return (records * 1_000) / (end - begin);
  } finally {
    await device.ask("close", null);
  }
}

/**
 * The kinds of devices take turns; Tillwire's two read the same shop of the same server.
 * @param warmUps rounds that do not count
 */
async function rates(
  bench: Bench,
  [tillwire, handRolled]: readonly [System, System],
  records: number,
  warmUps: number,
): Promise<Map<Kind, number>> {
  bench.progress(`filling: ${records} orders`);
  const keys = 2 * (bench.rounds + warmUps) + 1;
  const [ours, theirs] = [await tillwire.newRound(keys), await handRolled.newRound(keys)];
  await Promise.all([ours.fill(records, records), theirs.fill(records, records)]);
  await Promise.all([ours.check(records), theirs.check(records)]);
  const found = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
  for (let round = 0; round < bench.rounds + warmUps; round += 1)
    for (const [i, kind] of KINDS.entries()) {
      bench.progress(`${TITLES[kind]}, ${records} records, round ${round}`);
      const [system, shop] = kind === "hand-rolled" ? [handRolled, theirs] : [tillwire, ours];
      const rate = await readAll(system, kind, shop, 1 + 2 * round + i, records);
      if (round >= warmUps) found.get(kind)!.push(rate);
    }
  return new Map(KINDS.map((kind) => [kind, median(found.get(kind)!)]));
}

function figuresOf(found: ReadonlyMap<Kind, number>, records: number): Figure[] {
  const limit = { name: "hand-rolled", value: found.get("hand-rolled")! };
  return KINDS.map((kind): Figure => {
    const figure: Figure = { what: `${TITLES[kind]}, ${records} records`, value: found.get(kind)!, unit: "records/s" };
    if (kind === "hand-rolled") return figure;
    if (kind === "thin") return { ...figure, limit };
    return judgedAt({ ...figure, limit, id: "catch-up.replica" }, { atLeast: 40_000 });
  });
}

export const catchUp: Measure = {
  name: "catch-up",
  title: "Catch-up: a new device reads everything",
  async run(bench) {
    const tillwire = await startSystem("thin", bench.databases);
    const handRolled = await startSystem("hand-rolled", bench.databases);
    const figures: Figure[] = [];
    try {
      for (const [i, records] of (bench.quick ? [5_000] : [10_000, 100_000]).entries())
        figures.push(...figuresOf(await rates(bench, [tillwire, handRolled], records, i === 0 ? 1 : 0), records));
    } finally {
      await Promise.all([tillwire.stop(), handRolled.stop()]);
    }
    return {
      figures,
      notes: [
        "From opening the link to the last record. Full replicas: every record checked, kept and shown, digests compared; thin devices only count,",
        "and so tell how fast the server is; hand-rolled: `select *` in one message, parsed and kept.",
      ],
    };
  },
};
