/**
 * Three kinds of tests, cheapest first: `vitest run --project unit`, and so on.
 * unit: pure or on twins, next to its source. integration: on a real PostgreSQL. e2e: the real app, real browsers.
 */
import { defineConfig } from "vitest/config";

const notTests = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  test: {
    // a test that was left focused, or a selection that matches nothing, must not look like success
    allowOnly: !process.env["CI"],
    passWithNoTests: false,
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{protocol,server/src,web/client,web/app,scripts}/**/*.test.{ts,js}"],
          exclude: [...notTests, "**/*.integration.test.ts"],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["server/test/**/*.test.ts", "**/*.integration.test.ts"],
          exclude: notTests,
          globalSetup: "server/test/support/postgres-setup.ts",
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // They wait for databases, links and processes more than they compute.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["web/e2e/**/*.test.ts"],
          exclude: notTests,
          globalSetup: "server/test/support/postgres-setup.ts",
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // browsers and servers share two cores, and latencies are asserted: one file at a time
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
