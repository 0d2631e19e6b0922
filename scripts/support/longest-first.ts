/**
 * The order of test files where nobody has measured them yet, as in a fresh clone: those that are known to take long start first, so
 * that none of them is alone at the end while the other cores have nothing to do. vitest would begin with the largest.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The longest first; what is not named comes after them. */
export const LONGEST_FIRST: readonly string[] = [
  "server/test/restore.test.ts",
  "server/test/embedded-postgres.test.ts",
  "scripts/support/crash/crash.integration.test.ts",
  "web/client/test/faults.integration.test.ts",
  "server/test/embedded-postgres-nodes.test.ts",
  "web/client/test/conflicts.integration.test.ts",
  "web/client/test/restores.integration.test.ts",
  "server/test/main.integration.test.ts",
  "server/test/restores.integration.test.ts",
  "scripts/support/bench/bench.integration.test.ts",
  "scripts/support/simulator/replay/replay.integration.test.ts",
  "scripts/support/simulator/mutation.integration.test.ts",
  "web/client/test/seed.integration.test.ts",
  "web/e2e/display.test.ts",
  "web/e2e/register.test.ts",
  "web/e2e/whole-day.test.ts",
  "web/e2e/conflicts.test.ts",
  "web/e2e/display-memory.test.ts",
  "web/e2e/selling.test.ts",
  "web/e2e/refunds-and-receipts.test.ts",
  "web/e2e/deleted-and-copied.test.ts",
  "web/e2e/staff-and-shift.test.ts",
  "web/e2e/customer-display.test.ts",
  "web/e2e/killed-browser.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project.name))];
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST_FIRST.indexOf(relative(this.ctx.config.root, moduleId).replaceAll("\\", "/"));
      return at < 0 ? LONGEST_FIRST.length : at;
    };
    const projectOf = ({ project }: TestSpecification): number => projects.indexOf(project.name);
    return sorted.sort((a, b) => projectOf(a) - projectOf(b) || rankOf(a) - rankOf(b));
  }
}
