/** The systems under test, each a server process on a fresh database, behind one face. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { startServer, type ServerProcess } from "../../../web/e2e/support/server-process.ts";
import { onCleanUp } from "./cleanup.ts";
import type { SystemName } from "./devices/device.ts";
import type { Databases } from "./databases.ts";
import { Program } from "./program.ts";
import type { FillInput } from "./programs/store.ts";
import { mustHold, openShops, type DeviceKey } from "./shops.ts";
import { usageOf, type Usage } from "./usage.ts";

export interface Round {
  /** null: the system has no devices of its own. */
  readonly keys: readonly DeviceKey[] | null;
  /** Orders that are there before any device comes; Tillwire takes them by way of accept. */
  fill(orders: number, seed: number): Promise<void>;
  /** @throws unless the system holds exactly so many orders */
  check(orders: number): Promise<void>;
}

export interface System {
  readonly name: SystemName;
  readonly url: string;
  readonly databaseUrl: string | null;
  usage(): Usage;
  /** What its objects take after garbage was collected. */
  heapBytes(): Promise<number>;
  /** An empty shop. */
  newRound(devices: number): Promise<Round>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const TITLES: Readonly<Record<SystemName, string>> = {
  thin: "Tillwire, thin devices",
  replica: "Tillwire, full replicas",
  relay: "raw relay",
  "hand-rolled": "hand-rolled",
};

export async function startSystem(name: SystemName, databases: Databases): Promise<System> {
  if (name === "relay") return startRelay();
  if (name === "hand-rolled") return startHandRolled(databases);
  return startTillwire(name, databases);
}

const COLLECTABLE = {
  NODE_OPTIONS: `--import ${pathToFileURL(resolve(import.meta.dirname, "programs/collect-on-signal.mjs")).href}`,
};
const COLLECTED_MS = 1_500;

/** A server as the product starts it; it does not outlive its measure. */
export async function startNode(
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const server = await startServer({ where: { databaseUrl }, env: { ...COLLECTABLE, LOG_LEVEL: "warn", ...env } });
  onCleanUp(() => server.kill());
  return server;
}

async function startTillwire(name: SystemName, databases: Databases): Promise<System> {
  const databaseUrl = await databases.migrated();
  const server = await startNode(databaseUrl);
  return {
    name,
    url: server.url,
    databaseUrl,
    usage: () => usageOf(server.pid),
    async heapBytes() {
      process.kill(server.pid, "SIGUSR2");
      await delay(COLLECTED_MS);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      return Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(metrics)?.[1]);
    },
    async newRound(devices) {
      const keys = (await openShops(databaseUrl, 1, devices))[0]!;
      const { storeId } = keys[0]!;
      return {
        keys,
        check: (orders) => mustHold(databaseUrl, storeId, orders),
        fill: (orders, seed) => fillShops(databaseUrl, [keys[0]!], orders, seed),
      };
    },
    restart: () => server.restart("SIGKILL"),
    stop: async () => void (await server.stop()),
  };
}

/** @param keys one device a shop, under whose name the orders are taken */
export async function fillShops(
  databaseUrl: string,
  keys: readonly DeviceKey[],
  orders: number,
  seed: number,
): Promise<void> {
  const program = await Program.start("store");
  const input: FillInput = { databaseUrl, keys, orders, seed };
  await program.ask("fill", input).finally(() => program.stop());
}

async function heapOf(program: Program): Promise<number> {
  process.kill(program.pid, "SIGUSR2");
  await delay(COLLECTED_MS);
  return program.ask("heap", null);
}

async function startRelay(): Promise<System> {
  const program = await Program.start("relay", COLLECTABLE);
  return {
    name: "relay",
    url: await program.ask("listen", null),
    databaseUrl: null,
    usage: () => usageOf(program.pid),
    heapBytes: () => heapOf(program),
    newRound: async () => ({ keys: null, check: async () => undefined, fill: async () => undefined }),
    restart: async () => undefined,
    stop: () => program.stop(),
  };
}

async function startHandRolled(databases: Databases): Promise<System> {
  const databaseUrl = await databases.empty();
  const program = await Program.start("hand-rolled", COLLECTABLE);
  return {
    name: "hand-rolled",
    url: await program.ask("listen", databaseUrl),
    databaseUrl,
    usage: () => usageOf(program.pid),
    heapBytes: () => heapOf(program),
    async newRound() {
      await program.ask("clear", null);
      const check = async (orders: number): Promise<void> => {
        const count = await program.ask<number>("count", null);
        if (count !== orders) throw new Error(`the hand-rolled server holds ${count} orders, not ${orders}`);
      };
      return { keys: null, check, fill: (orders, seed) => program.ask("fill", { orders, seed }) };
    },
    restart: async () => undefined,
    stop: () => program.stop(),
  };
}
