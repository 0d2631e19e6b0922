/** A seed's plan: the shop, its people and its troubles, all drawn before anything happens, so that parts can be left out and run again. */
import { Random } from "./random.ts";

export type MachineKind = "socket.io" | "websocket" | "http" | "seed";

export interface MachinePlan {
  readonly name: string;
  readonly kind: MachineKind;
  readonly role: "register" | "display";
  /** Which of the database's shops. */
  readonly shop: number;
  readonly tabs: number;
  /** Web Locks decide who leads; else the lease alone. */
  readonly locks: boolean;
  readonly channels: boolean;
  /** Whether it asks who else is there. */
  readonly presence: boolean;
  /** Typical and longest delay of the network, ms. */
  readonly delayMs: readonly [number, number];
  /** Of the local database, ms; 0: none. */
  readonly diskMs: number;
  /** Device clock minus the server's, ms. */
  readonly clockOffsetMs: number;
}

/** What people do. */
export const DEEDS = [
  ...[
    "sell",
    "sell",
    "sell",
    "open tab",
    "edit order",
    "complete order",
    "note",
    "note",
    "note",
    "edit note",
    "edit note",
  ],
  ...[
    "edit note",
    "stale edit",
    "stale edit",
    "stale edit",
    "delete note",
    "move stock",
    "move stock",
    "settle",
    "settle",
    "retry",
  ],
  ...["discard", "sync now", "same id", "choose again"],
] as const;
/** What goes wrong with one machine. */
export const MACHINE_FAULTS = [
  ...[
    "offline",
    "half open",
    "one way up",
    "one way down",
    "cut",
    "lossy",
    "duplicate",
    "slow reader",
    "kill tab",
    "reload",
  ],
  ...[
    "open tab",
    "close tab",
    "power cut",
    "kill inside tx",
    "kill after tx",
    "quota full",
    "clear storage",
    "copy device",
  ],
  ...["clock jump", "sleep", "revoke", "enrol anew", "old protocol", "overtaken"],
] as const;
/** What goes wrong at the shop. */
export const SHOP_FAULTS = [
  ...[
    "node crash",
    "node crash",
    "crash before commit",
    "crash after commit",
    "answer lost",
    "drain",
    "database down",
    "notices lost",
  ],
  ...["restore", "restore", "restore unnoticed", "restore unnoticed", "new epoch", "new epoch that wants nothing"],
  ...["policy", "policy", "policy before a commit", "policy before a commit", "stranger", "stranger"],
] as const;

export type Deed = (typeof DEEDS)[number];
export type MachineFault = (typeof MACHINE_FAULTS)[number];
export type ShopFault = (typeof SHOP_FAULTS)[number];

export interface Step {
  /** From the beginning, ms. */
  readonly at: number;
  readonly type: Deed | MachineFault | ShopFault;
  /** Index of the machine; of a node, for faults of the shop. */
  readonly who: number;
  /** Whatever else is to be chosen, in [0, 1). */
  readonly x: number;
  /** How long it lasts, ms. */
  readonly forMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly machines: readonly MachinePlan[];
  readonly nodes: number;
  readonly shops: number;
  /** Typical delay of the database, ms. */
  readonly databaseMs: number;
  readonly faultsEndMs: number;
  readonly steps: readonly Step[];
}

const KINDS: readonly MachineKind[] = ["socket.io", "socket.io", "websocket", "websocket", "http", "seed"];

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
  readonly faults?: readonly (MachineFault | ShopFault)[];
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
  const steps = [
    ...drawDeeds(random.stream("deeds"), machines, faultsEndMs, mix.deeds ?? DEEDS),
    ...drawFaults(random.stream("faults"), machines, faultsEndMs, times, mix.faults),
  ];
  return {
    ...{ seed, machines, shops, nodes: random.chance(0.5) ? 2 : 1, databaseMs: random.pick([1, 2, 5]), faultsEndMs },
    steps: steps.sort((a, b) => a.at - b.at),
  };
}

function drawMachines(random: Random, shops: number): MachinePlan[] {
  const count = random.chance(0.1) ? random.int(9, 12) : random.int(2, 7);
  return Array.from({ length: count }, (_, i): MachinePlan => {
    const kind = i < 2 ? random.pick(KINDS.slice(0, 4)) : random.pick(KINDS);
    return {
      ...{ name: `m${i}`, kind, role: i > 1 && kind !== "seed" && random.chance(0.15) ? "display" : "register" },
      shop: shops === 2 && i % 3 === 2 ? 1 : 0,
      tabs: kind === "seed" ? 0 : random.chance(0.3) ? 2 : 1,
      locks: random.chance(0.5),
      channels: random.chance(0.85),
      presence: random.chance(0.3),
      delayMs: random.pick([
        [3, 30],
        [20, 300],
        [150, 4_000],
      ] as const),
      diskMs: random.pick([0, 0, 2, 10]),
      clockOffsetMs: random.chance(0.7) ? random.int(-500, 500) : random.int(-7_200_000, 7_200_000),
    };
  });
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
  const pick = (): MachineFault | ShopFault =>
    random.chance(0.65) ? random.pick(MACHINE_FAULTS) : random.pick(SHOP_FAULTS);
  const kinds = all ?? Array.from({ length: random.int(2, 6) }, pick);
  const count = Math.max(3, Math.round(random.int(3, 24) * times));
  for (let i = 0; i < count; i++)
    steps.push({
      ...{ at: random.int(1_000, endMs - 1), type: random.pick(kinds), who: random.int(0, machines.length - 1) },
      ...{ x: random.next(), forMs: random.longTailed(5_000, 60_000) },
    });
  return steps;
}
