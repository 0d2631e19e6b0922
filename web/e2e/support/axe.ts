/** What axe finds wrong with a page for people who don't see it, or don't use a mouse. */
import axe from "axe-core";
import type { Page } from "playwright-core";

/** @returns what is serious or critical, one text each; in light and in dark */
export async function seriousFindings(page: Page): Promise<string[]> {
  // through the debugger, which the page's content security policy does not bind
  await page.evaluate(axe.source);
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const findings = await page.evaluate(async () => {
      const { axe: run } = globalThis as unknown as { axe: { run: () => Promise<{ violations: AxeViolation[] }> } };
      interface AxeViolation {
        readonly id: string;
        readonly impact: string | null;
        readonly nodes: readonly { readonly target: unknown; readonly failureSummary?: string }[];
      }
      const { violations } = await run.run();
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => String(target)).join(" | ")}`);
    });
    found.push(...findings.map((finding) => `${colorScheme}: ${finding}`));
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  return found;
}
