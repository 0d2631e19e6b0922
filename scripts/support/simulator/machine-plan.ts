/** What a seed's devices are: which link each speaks, its tabs, its disk, its clock, and what it replicates. */
import { conflicts } from "@tillwire/protocol/conflicts";
import type { Random } from "./random.ts";
import { COLLECTIONS } from "./shop.ts";

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
  /** Device clock minus the real one, ms. */
  readonly clockOffsetMs: number;
  /** Names of the collections that it replicates; absent: all. */
  readonly subscribe?: readonly string[];
}

const KINDS: readonly MachineKind[] = ["socket.io", "socket.io", "websocket", "websocket", "http", "seed"];

export function drawMachines(random: Random, shops: number): MachinePlan[] {
  const count = random.chance(0.1) ? random.int(8, 12) : random.int(2, 7);
  const machines = Array.from({ length: count }, (_, i): MachinePlan => {
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
  return withSubscriptions(random.stream("subscriptions"), machines);
}

/** Most replicate everything, some as a display does: what they show, with or without the inbox of conflicts. */
function withSubscriptions(random: Random, machines: readonly MachinePlan[]): MachinePlan[] {
  return machines.map((machine) => {
    if (machine.kind === "seed" || !random.chance(0.12)) return machine;
    const chosen = [...COLLECTIONS.keys()].filter((name) => random.chance(name === conflicts.name ? 0.7 : 0.5));
    return { ...machine, subscribe: chosen.length > 0 ? chosen : [conflicts.name] };
  });
}

/** Whether the machine replicates a collection. */
export function subscribesTo({ subscribe }: { readonly subscribe?: readonly string[] }, collection: string): boolean {
  return subscribe?.includes(collection) ?? true;
}
