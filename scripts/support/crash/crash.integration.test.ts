/** A short crash test, and that its checks can fail: `npm run crash-test` runs long ones. */
import { afterEach, expect, test } from "vitest";
import { CrashRun } from "./run.ts";

let run: CrashRun;
afterEach(() => run.site.close());

test("S1 to S12: nodes, backends and PostgreSQL are killed under load, and nothing is lost, doubled or changed", async () => {
  const faults = ["node killed", "postmaster killed", "backends terminated", "network cut"];
  run = new CrashRun({ cycles: faults.length, devices: 3, seed: 4, faults, progress: () => undefined });
  const outcome = await run.run();
  expect(outcome.violations).toEqual([]);
  expect(Object.fromEntries(outcome.faults.counts)).toEqual(Object.fromEntries(faults.map((fault) => [fault, 1])));
  expect(outcome.acknowledged).toBeGreaterThan(20);
  expect(outcome.sales).toBeGreaterThan(5);

  // A database that lost one sale, under everybody's feet: it must not look sound.
  await run.site.query(
    (sql) => sql`delete from records where local_id =
    (select local_id from records where collection = 'transactions' order by seq desc limit 1)`,
  );
  await run.check();
  const found = new Set(outcome.violations.map(({ invariant }) => invariant));
  expect([...found].sort()).toEqual(expect.arrayContaining(["S1", "S12", "S3", "S5", "S9"]));
}, 120_000);
