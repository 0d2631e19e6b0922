/**
 * Five kinds of tests: `vitest run --project unit`, and so on.
 * unit: pure or on twins, next to its source. integration: on a real PostgreSQL. e2e: the real app, real browsers.
 * latency: the same, but how soon things happen; alone on the machine. simulator: its batch, which computes for minutes, waits for
 * nothing and gives way to whatever runs beside it.
 */
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/support/longest-first.ts";

const notTests = ["**/node_modules/**", "**/dist/**"];
const latency = "web/e2e/latency.test.ts";
const batch = "scripts/support/simulator/batch.integration.test.ts";
const inBrowsers = {
  globalSetup: "server/test/support/postgres-setup.ts",
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // two browsers may be busy for longer than the second that is the default
  expect: { poll: { timeout: 10_000 } },
};

export default defineConfig({
  test: {
    // a test that was left focused, or a selection that matches nothing, must not look like success
    allowOnly: !process.env["CI"],
    passWithNoTests: false,
    restoreMocks: true,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{protocol,server/src,web/client,web/app,scripts}/**/*.test.{ts,js}"],
          exclude: [...notTests, "**/*.integration.test.ts"],
          // long enough for a machine that is busy with the checks as well; nothing here waits in real time
          testTimeout: 20_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["server/test/**/*.test.ts", "**/*.integration.test.ts"],
          exclude: [...notTests, batch],
          globalSetup: "server/test/support/postgres-setup.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // They wait for databases, links and processes more than they compute: the checks run beside them.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "simulator",
          include: [batch],
          // each test says how long it may take
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["web/e2e/**/*.test.ts"],
          exclude: [...notTests, latency],
          ...inBrowsers,
          // Each file has a server, a database and a browser of its own. A third of the time they wait for real clocks.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "latency",
          include: [latency],
          ...inBrowsers,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
