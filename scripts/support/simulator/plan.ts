/** A seed's plan: the shop, its people and its troubles, all drawn before anything happens, so that parts can be left out and run again. */
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import { drawMachines, type MachinePlan } from "./machine-plan.ts";
import { Random } from "./random.ts";
import { CHANGEABLE, POLICIES } from "./shop.ts";
import { CLOCK_FAULTS, DEEDS, MACHINE_FAULTS, SHOP_FAULTS, type Deed, type Fault, type Step } from "./steps.ts";

export interface Plan {
  readonly seed: number;
  readonly machines: readonly MachinePlan[];
  readonly nodes: number;
  /** Clocks of the nodes minus the real one, ms; absent: they are right. */
  readonly nodeClocksMs?: readonly number[];
  readonly shops: number;
  /** By name of the collection: policies that the shop opens with; absent: each collection's own. */
  readonly policies?: Readonly<Record<string, ConflictPolicy>>;
  /** Typical delay of the database, ms. */
  readonly databaseMs: number;
  readonly faultsEndMs: number;
  readonly steps: readonly Step[];
}

/** How long a run is, unless somebody asks for another length: on average, in virtual minutes. */
export const USUAL_MINUTES = 3;
/** Shorter ones would have healed before anything went wrong. */
export const SHORTEST_MINUTES = 2;
/** What comes after the troubles: everything heals, and then keeps silent. */
const HEALING_S = 100;
const USUAL_FAULTS_S: readonly [number, number] = [40, 120];

/** What a plan is drawn of, where a situation is looked for that plans seldom lead to; as usual, where nothing is said. */
export interface Mix {
  readonly deeds?: readonly Deed[];
  readonly faults?: readonly Fault[];
  readonly shops?: number;
}

/**
 * A plan is a pure function of what it is drawn of.
 * @param minutes virtual, of all seeds on average; their troubles last as much longer or shorter
 */
export function drawPlan(seed: number, minutes = USUAL_MINUTES, mix: Mix = {}): Plan {
  if (!(minutes >= SHORTEST_MINUTES)) throw new RangeError(`a run takes at least ${SHORTEST_MINUTES} virtual minutes`);
  const random = new Random(seed, "plan");
  const times = (minutes * 60 - HEALING_S) / (USUAL_MINUTES * 60 - HEALING_S);
  const drawn = random.chance(0.2) ? 2 : 1;
  const shops = mix.shops ?? drawn;
  const machines = drawMachines(random.stream("machines"), shops);
  const faultsEndMs = Math.round(random.int(...USUAL_FAULTS_S) * times) * 1_000;
  const nodes = random.chance(0.5) ? 2 : 1;
  const databaseMs = random.pick([1, 2, 5]);
  const clocks = random.stream("node clocks");
  const steps = [
    ...drawDeeds(random.stream("deeds"), machines, faultsEndMs, mix.deeds ?? DEEDS),
    ...drawFaults(random.stream("faults"), machines, faultsEndMs, times, mix.faults),
    ...(mix.faults ? [] : drawClockFaults(clocks, nodes, faultsEndMs)),
  ];
  return {
    ...{ seed, machines, shops, nodes, databaseMs, faultsEndMs },
    nodeClocksMs: Array.from({ length: nodes }, () => drawClock(clocks)),
    policies: drawPolicies(random.stream("policies")),
    steps: steps.sort((a, b) => a.at - b.at),
  };
}

/** A server's clock is kept by somebody, as a rule; a few are hours away. */
function drawClock(random: Random): number {
  if (random.chance(0.7)) return 0;
  return random.chance(0.7) ? random.int(-3_000, 3_000) : random.int(-7_200_000, 7_200_000);
}

function drawPolicies(random: Random): Record<string, ConflictPolicy> {
  const count = random.chance(0.3) ? random.int(1, 3) : 0;
  return Object.fromEntries(
    Array.from({ length: count }, () => [random.pick(CHANGEABLE), random.pick(POLICIES)] as const),
  );
}

function drawDeeds(random: Random, machines: readonly MachinePlan[], endMs: number, deeds: readonly Deed[]): Step[] {
  const steps: Step[] = [];
  machines.forEach((_, who) => {
    const paceMs = random.pick([1_500, 4_000, 12_000]);
    for (let at = random.int(200, paceMs); at < endMs; at += random.int(50, 2 * paceMs))
      steps.push({ at, type: random.pick(deeds), who, x: random.next(), forMs: random.int(100, 8_000) });
  });
  return steps;
}

function drawFaults(
  random: Random,
  machines: readonly MachinePlan[],
  endMs: number,
  times: number,
  all?: Mix["faults"],
): Step[] {
  const steps: Step[] = [];
  // Each seed has its own mix: a few kinds of trouble, some of them often.
  const pick = (): Fault => (random.chance(0.65) ? random.pick(MACHINE_FAULTS) : random.pick(SHOP_FAULTS));
  const kinds = all ?? Array.from({ length: random.int(2, 6) }, pick);
  const count = Math.max(3, Math.round(random.int(3, 24) * times));
  for (let i = 0; i < count; i++)
    steps.push({
      ...{ at: random.int(1_000, endMs - 1), type: random.pick(kinds), who: random.int(0, machines.length - 1) },
      ...{ x: random.next(), forMs: random.longTailed(5_000, 60_000) },
    });
  return steps;
}

function drawClockFaults(random: Random, nodes: number, endMs: number): Step[] {
  const count = random.chance(0.25) ? random.int(1, 3) : 0;
  return Array.from({ length: count }, () => ({
    ...{ at: random.int(1_000, endMs - 1), type: random.pick(CLOCK_FAULTS), who: random.int(0, nodes - 1) },
    ...{ x: random.next(), forMs: 0 },
  }));
}
