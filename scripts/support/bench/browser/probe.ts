/** What runs in the page that is measured: long tasks, what the sync badge said when, and how long people wait for what they did. */
import type { Page } from "playwright-core";

/** All times are of the page's `performance.now()`, in ms. */
export interface Probe {
  readonly longTasks: { readonly start: number; readonly ms: number }[];
  readonly badge: { readonly state: string; readonly at: number }[];
  /** From an event to the picture that shows what it did. */
  readonly waits: number[];
  readonly until: Record<string, number>;
}

declare global {
  interface Window {
    readonly probe: Probe;
    /** The next event of this type is timed: until `selector` is there (null: at once), and drawn. */
    timeNext(type: string, selector: string | null): void;
    benchQueue(sold: readonly unknown[]): Promise<void>;
  }
}

/** Before anything of the page runs. */
export async function addProbe(page: Page, awaited: Readonly<Record<string, string>> = {}): Promise<void> {
  // what compiles this file marks functions with their names, by a helper that pages don't have
  await page.addInitScript("globalThis.__name ??= (named) => named");
  await page.addInitScript(installProbe, awaited);
}

/** Runs in the page: it may name nothing from outside of itself. */
function installProbe(awaited: Readonly<Record<string, string>>): void {
  const probe: Probe = { longTasks: [], badge: [], waits: [], until: {} };
  let waiting: { since: number; selector: string | null } | null = null;
  let next: { type: string; selector: string | null } | null = null;

  const drawn = (run: () => void): void =>
    void requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = run;
      channel.port2.postMessage(null);
    });
  const look = (): void => {
    const state = document.querySelector('[data-testid="sync-badge"]')?.getAttribute("data-state");
    if (state && state !== probe.badge.at(-1)?.state) probe.badge.push({ state, at: performance.now() });
    for (const [name, selector] of Object.entries(awaited))
      if (probe.until[name] === undefined && document.querySelector(selector)) probe.until[name] = performance.now();
    if (!waiting || (waiting.selector !== null && !document.querySelector(waiting.selector))) return;
    const { since } = waiting;
    waiting = null;
    drawn(() => probe.waits.push(performance.now() - since));
  };
  for (const type of ["pointerup", "keydown", "wheel", "click"])
    addEventListener(
      type,
      (event) => {
        if (next?.type !== type) return;
        const { selector } = next;
        next = null;
        waiting = { since: event.timeStamp, selector };
        if (selector === null) look();
      },
      { capture: true, passive: true },
    );
  new MutationObserver(look).observe(document, {
    ...{ childList: true, subtree: true, attributes: true, attributeFilter: ["data-state", "data-testid"] },
  });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) probe.longTasks.push({ start: startTime, ms: duration });
  }).observe({ type: "longtask", buffered: true });
  Object.assign(window, {
    probe,
    timeNext: (type: string, selector: string | null) => void (next = { type, selector }),
  });
}

/** Times what `act` leads to. @returns ms from the event to the picture */
export async function timed(
  page: Page,
  type: "pointerup" | "keydown" | "wheel" | "click",
  selector: string | null,
  act: () => Promise<unknown>,
): Promise<number> {
  const before = await page.evaluate(
    ([kind, wanted]) => {
      window.timeNext(kind, wanted ?? null);
      return window.probe.waits.length;
    },
    [type, selector] as const,
  );
  await act();
  const wait = await page.waitForFunction((count) => window.probe.waits[count], before, { polling: 20 });
  return (await wait.jsonValue())!;
}

export function probeOf(page: Page): Promise<Probe> {
  return page.evaluate(() => window.probe);
}

/** Long tasks that began from then on. @param from `performance.now()` of the page */
export async function longTasksSince(page: Page, from: number): Promise<number[]> {
  const { longTasks } = await probeOf(page);
  return longTasks.filter(({ start }) => start >= from).map(({ ms }) => ms);
}

export function pageNow(page: Page): Promise<number> {
  return page.evaluate(() => performance.now());
}
