/** What the simulator proves on the twins in memory holds on PostgreSQL, as far as both answer alike: asked the same, step by step. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../server/test/support/database.ts";
import { ReplayDatabase } from "./replay-database.ts";
import { describeDifference, replaySeed } from "./replay-seed.ts";

let made: TestDatabase;
let database: ReplayDatabase;
beforeAll(async () => {
  made = await createTestDatabase();
  database = await ReplayDatabase.open(made.url);
});
afterAll(async () => {
  await database.close();
  await made.drop();
});

const SEEDS = Number(process.env["SEEDS"] ?? 10);

test(`the database calls of ${SEEDS} simulated shops get equal answers from PostgreSQL, and leave equal rows`, async () => {
  const sums = { calls: 0, commits: 0, restores: 0, rows: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const replayed = await replaySeed(seed, database);
    expect(describeDifference(replayed), `seed ${seed}`).toBe("");
    for (const what of ["calls", "commits", "restores", "rows"] as const) sums[what] += replayed[what];
  }
  console.log(`replayed: ${JSON.stringify(sums)}`);
  for (const sum of Object.values(sums)) expect(sum).toBeGreaterThan(0);
}, 600_000);
