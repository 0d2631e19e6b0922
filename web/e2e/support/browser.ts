/** Real browsers for the tests: a device is a browser context, with an IndexedDB and a service worker of its own. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  chromium as playwright,
  type Browser,
  type BrowserContext,
  type LaunchOptions,
  type Page,
} from "playwright-core";
import { findChromium } from "./chromium.ts";

export const SCREENS = {
  desktop: { width: 1280, height: 800 },
  tablet: { width: 1024, height: 768 },
  phone: { width: 390, height: 844 },
} as const;
export type ScreenName = keyof typeof SCREENS;
export type ColorScheme = "light" | "dark";

export interface DeviceOptions {
  /** So that pages go to paths: `page.goto("/")`. */
  readonly baseURL: string;
  /** Default: desktop, light. */
  readonly screen?: ScreenName;
  readonly colorScheme?: ColorScheme;
  /** Browsers without a GPU draw each frame of an animation on the cores that are measured. */
  readonly reducedMotion?: boolean;
}

/** Resolves to 127.0.0.1 in these browsers. As a page's host it makes an insecure context, as a LAN address does. */
export const INSECURE_HOST = "shop.test";

const args = [
  // in the network that a test has, there is the server, and nothing else
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
  "--no-pings",
  `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
  "--disable-gpu",
  // a container gives little shared memory
  "--disable-dev-shm-usage",
];

function launchOptions(): LaunchOptions {
  const { env, ...where } = findChromium();
  const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return { ...where, args: [...args, ...asRoot], env: { ...(process.env as Record<string, string>), ...env } };
}

function contextOptions({ baseURL, screen = "desktop", colorScheme = "light", reducedMotion = false }: DeviceOptions) {
  const motion = reducedMotion ? ("reduce" as const) : ("no-preference" as const);
  return { baseURL, viewport: SCREENS[screen], hasTouch: screen !== "desktop", colorScheme, reducedMotion: motion };
}

/** One browser for the devices of a test file; close it in afterAll. */
export function launchBrowser(): Promise<Browser> {
  return playwright.launch(launchOptions());
}

/** A device that lives as long as its context. */
export function newDevice(browser: Browser, options: DeviceOptions): Promise<BrowserContext> {
  return browser.newContext(contextOptions(options));
}

/** A browser of its own for one device, whose data stay in `profile`: close or crash it, and open it again. */
export function launchDevice(profile: string, options: DeviceOptions): Promise<BrowserContext> {
  mkdirSync(profile, { recursive: true });
  return playwright.launchPersistentContext(profile, { ...launchOptions(), ...contextOptions(options) });
}

/** The browser of a launchDevice context ends at once, with no chance to finish anything. */
export async function crashDevice(context: BrowserContext): Promise<void> {
  const closed = new Promise<void>((resolve) => context.once("close", () => resolve()));
  const page = context.pages()[0] ?? (await context.newPage());
  const session = await context.newCDPSession(page);
  // there is nobody left to answer
  await session.send("Browser.crash").catch(() => undefined);
  await closed;
}

/** A list that grows with every uncaught error and every console error of the context's pages. */
export function collectErrors(context: BrowserContext): string[] {
  const errors: string[] = [];
  context.on("weberror", (error) => errors.push(String(error.error().stack ?? error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return errors;
}

const screenshots = resolve(import.meta.dirname, "../../../test-output/screenshots");

/**
 * The page as it is, as `test-output/screenshots/<name>.png`; in every size and both colour schemes, as `<name>-<screen>-<scheme>.png`, where
 * somebody wants to look at them: `SCREENSHOTS=all`.
 */
export async function screenshotAll(
  page: Page,
  name: string,
  wanted = process.env["SCREENSHOTS"] === "all",
): Promise<string[]> {
  if (!wanted) {
    const path = join(screenshots, `${name}.png`);
    await page.screenshot({ path, animations: "disabled" });
    return [path];
  }
  const before = page.viewportSize();
  const files: string[] = [];
  for (const screen of Object.keys(SCREENS) as ScreenName[]) {
    await page.setViewportSize(SCREENS[screen]);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const path = join(screenshots, `${name}-${screen}-${colorScheme}.png`);
      await page.screenshot({ path, animations: "disabled" });
      files.push(path);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
  return files;
}
