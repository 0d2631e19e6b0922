/** What axe finds wrong with a page for people who don't see it, or don't use a mouse. */
import axe from "axe-core";
import type { Page } from "playwright-core";

interface AxeViolation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly target: unknown }[];
}

/** @returns what is serious or critical, one text each; in light and in dark */
export async function seriousFindings(page: Page): Promise<string[]> {
  // through the debugger, which the page's content security policy does not bind
  await page.evaluate(axe.source);
  const isCalm = await page.evaluate(() => matchMedia("(prefers-reduced-motion: reduce)").matches);
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await atRest(page);
    const findings = await page.evaluate(async () => {
      const { axe: run } = globalThis as unknown as { axe: { run: () => Promise<{ violations: AxeViolation[] }> } };
      const { violations } = await run.run();
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => String(target)).join(" | ")}`);
    });
    found.push(...findings.map((finding) => `${colorScheme}: ${finding}`));
  }
  // A device that asked for calm goes on asking.
  await page.emulateMedia({ colorScheme: null, reducedMotion: isCalm ? "reduce" : "no-preference" });
  return found;
}

/** Until two frames in a row have nothing that moves or changes its colours. */
async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const drawn = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let quiet = 0; quiet < 2;) {
      await drawn();
      const moving = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
      quiet = moving.length === 0 ? quiet + 1 : 0;
      await Promise.allSettled(moving.map(({ finished }) => finished));
    }
  });
}
