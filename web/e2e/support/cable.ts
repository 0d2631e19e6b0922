/**
 * The network cable of a browser, pulled and plugged in again. The browser is told as well, as it is by a machine that loses its network.
 * Telling it alone is not enough: links that are open stay so, silent, until somebody notices, and Chromium burns a core meanwhile.
 */
import type { BrowserContext } from "playwright-core";
import type { FaultProxy } from "../../../scripts/support/fault-proxy.ts";

export async function unplug(context: BrowserContext, cable: FaultProxy): Promise<void> {
  await cable.refuse();
  cable.cut();
  await context.setOffline(true);
}

export async function plugIn(context: BrowserContext, cable: FaultProxy): Promise<void> {
  await cable.heal();
  await context.setOffline(false);
}
