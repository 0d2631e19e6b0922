/** PostgreSQL by itself, in this run and on this machine: the limit that commits are judged by. */
import type { Databases } from "./databases.ts";
import { Program } from "./program.ts";
import type { Timed } from "./programs/store.ts";
import { median } from "./statistics.ts";

export interface RawRates {
  /** One-row commits a second. */
  readonly one: number;
  readonly eight: number;
  /** Rows a second in batches of 100. */
  readonly hundred: number;
}

export interface RawOptions {
  readonly databases: Databases;
  readonly quick: boolean;
  readonly rounds: number;
}

export async function measureRaw({ databases, quick, rounds }: RawOptions): Promise<RawRates> {
  const program = await Program.start("store");
  try {
    const databaseUrl = await databases.empty();
    const size = quick ? 0.1 : 1;
    let seed = 1;
    const rate = async (batch: number, batches: number, connections: number): Promise<number> => {
      const rates: number[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const input = { databaseUrl, batch, batches: Math.ceil(batches * size), seed: (seed += 1), connections };
        const { orders, ms } = await program.ask<Timed>("raw", input);
        if (round > 0) rates.push((orders * 1_000) / ms);
      }
      return median(rates);
    };
    return { one: await rate(1, 2_000, 1), eight: await rate(1, 8_000, 8), hundred: await rate(100, 200, 1) };
  } finally {
    await program.stop();
  }
}
