/** A recorded run, step by step on a real PostgreSQL: every answer must be the twin's, and at the end every row. */
import { isDeepStrictEqual } from "node:util";
import { postgresDatabase, type Database } from "@tillwire/server/store/database";
import type { MemoryDatabase } from "@tillwire/server/store/memory-database";
import { comparable, type Call } from "./comparable.ts";
import { rowsInMemory, rowsInPostgres } from "./rows.ts";
import type { Outcome, Recorded, RecordedCall } from "./recording.ts";
import type { ReplayDatabase } from "./replay-database.ts";

export interface Replayed {
  readonly calls: number;
  readonly commits: number;
  readonly restores: number;
  /** Rows that were compared at the end. */
  readonly rows: number;
  /** The first thing that was not equal; null: nothing. */
  readonly difference: Difference | null;
}

export interface Difference {
  /** For example `store.commit, call 17`. */
  readonly where: string;
  readonly args: unknown;
  readonly twin: unknown;
  readonly postgres: unknown;
}

/** So many calls are on their way at a time, on one connection that carries them out in order. */
const PIPELINED = 40;

interface Asked {
  readonly index: number;
  readonly call: RecordedCall;
  readonly answer: Promise<Outcome>;
}

/** @param memory the twin as the run left it */
export async function replay(
  entries: readonly Recorded[],
  memory: MemoryDatabase,
  database: ReplayDatabase,
): Promise<Replayed> {
  const wanted = new Set(entries.flatMap((entry) => (entry.kind === "restored" ? [entry.copy] : [])));
  const counts = { calls: 0, commits: 0, restores: 0, rows: 0 };
  const services = postgresDatabase(database.sql);
  let asked: Asked[] = [];
  const answered = async (): Promise<Difference | null> => {
    const waiting = asked;
    asked = [];
    const differences = await Promise.all(waiting.map(differenceOf));
    return differences.find((difference) => difference !== null) ?? null;
  };
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === "call") {
      database.setClock(entry.at);
      await turn();
      asked.push({ index, call: entry, answer: ask(services, entry) });
      await turn();
      counts.calls += 1;
      if (entry.service === "store" && entry.method === "commit") counts.commits += 1;
      if (asked.length < PIPELINED) continue;
    } else if (!wanted.has(entry.copy)) continue;
    const difference = await answered();
    if (difference) return { ...counts, difference };
    if (entry.kind === "call") continue;
    await (entry.kind === "kept" ? database.keep(entry.copy) : database.restore(entry.copy));
    if (entry.kind === "restored") counts.restores += 1;
  }
  const difference = await answered();
  if (difference) return { ...counts, difference };
  const [twin, real] = [rowsInMemory(memory), await rowsInPostgres(database.sql)];
  return { ...counts, rows: real.size, difference: firstDifferentRow(twin, real) };
}

/** Whatever was asked for is on its way. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A statement is on its way one turn later; its answer comes when it comes. */
async function ask(services: Database, { service, method, args }: Call): Promise<Outcome> {
  const methods = services[service] as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
  return methods[method]!(...args).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

async function differenceOf({ index, call, answer }: Asked): Promise<Difference | null> {
  const [twin, real] = comparable(call, await call.outcome, await answer);
  if (isDeepStrictEqual(twin, real)) return null;
  return { where: `${call.service}.${call.method}, call ${index}`, args: call.args, twin, postgres: real };
}

function firstDifferentRow(twin: ReadonlyMap<string, unknown>, real: ReadonlyMap<string, unknown>): Difference | null {
  for (const key of new Set([...twin.keys(), ...real.keys()])) {
    const [here, there] = [twin.get(key), real.get(key)];
    if (!isDeepStrictEqual(here, there)) return { where: `the end, ${key}`, args: null, twin: here, postgres: there };
  }
  return null;
}
