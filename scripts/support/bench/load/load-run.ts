/** One run of a load test: who sells what when, and the proof at its end. */
import { setTimeout as delay } from "node:timers/promises";
import { createOrderSource } from "../orders.ts";
import { clockMs, stamped } from "../stamp.ts";
import { LoadDevice, newTally, type Tally } from "./load-device.ts";
import type { LoadTransport } from "./load-link.ts";

export const SCENARIOS = ["rush", "opening", "outage", "reconnect-storm", "flood"] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface LoadOptions {
  readonly url: string;
  readonly tokens: readonly string[];
  /** Devices take them in turn. */
  readonly transports: readonly LoadTransport[];
  /** Sales a second, over all devices. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly scenario: Scenario;
  readonly progress: (text: string) => void;
}

export interface LoadOutcome {
  readonly tally: Tally;
  readonly sold: number;
  /** Until the last acknowledgement. */
  readonly ms: number;
  readonly openingMs: number;
  /** What is wrong; empty: every acknowledged sale is in the feed once, and arrived everywhere once. */
  readonly faults: readonly string[];
}

/** Links that may wait for their welcome at a time: servers allow an address only so many. */
const OPENING = 15;
const SETTLE_MS = 60_000;

export async function runLoad(options: LoadOptions): Promise<LoadOutcome> {
  const { url, tokens, transports, scenario, progress } = options;
  const tally = newTally(`L${Date.now().toString(36).toUpperCase()}`);
  const devices = tokens.map(
    (token, i) => new LoadDevice({ url, token, transport: transports[i % transports.length]!, tally }),
  );
  const begin = clockMs();
  await goOnline(devices, scenario === "opening" ? devices.length : OPENING, progress);
  const openingMs = clockMs() - begin;
  const stop = stage(scenario, devices, options.seconds);
  const startedAt = clockMs();
  const sold = await sell(devices, tally, options);
  stop();
  progress("waiting for what is under way");
  await goOnline(devices, OPENING, progress);
  await settled(devices, tally);
  const ms = (tally.moments.at(-1) ?? clockMs()) - startedAt;
  progress("reading the feed to check");
  const faults = await check(options, devices.length, tally, sold);
  for (const device of devices) device.goOffline();
  return { tally, sold, ms, openingMs, faults };
}

async function goOnline(
  devices: readonly LoadDevice[],
  atATime: number,
  progress: (text: string) => void,
): Promise<void> {
  const waiting = [...devices];
  const worker = async (): Promise<void> => {
    for (let device = waiting.shift(); device; device = waiting.shift()) {
      await device.goOnline();
      progress(`${devices.filter(({ isLive }) => isLive).length} of ${devices.length} devices live`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, devices.length) }, worker));
}

/** What happens besides selling. @returns ends it */
function stage(scenario: Scenario, devices: readonly LoadDevice[], seconds: number): () => void {
  const timers: NodeJS.Timeout[] = [];
  const at = (share: number, run: () => void): void => void timers.push(setTimeout(run, share * seconds * 1_000));
  const third = devices.filter((_, i) => i % 3 === 0);
  if (scenario === "outage") {
    at(1 / 3, () => third.forEach((device) => device.goOffline()));
    at(2 / 3, () => third.forEach((device) => void device.goOnline()));
  }
  if (scenario === "reconnect-storm")
    at(1 / 2, () => {
      devices.forEach((device) => device.goOffline());
      devices.forEach((device) => void device.goOnline());
    });
  return () => timers.forEach((timer) => clearTimeout(timer));
}

async function sell(devices: readonly LoadDevice[], tally: Tally, options: LoadOptions): Promise<number> {
  const { perSecond, seconds, scenario, progress } = options;
  const source = createOrderSource(Date.now(), tally.prefix);
  const start = clockMs();
  let sold = 0;
  for (let due = 0; due < perSecond * seconds; due += 1) {
    await delay(Math.max(0, start + (due * 1_000) / perSecond - clockMs()));
    // of a flood, one device sells as much as all others together
    const device = scenario === "flood" && due % 2 === 1 ? devices[0]! : devices[due % devices.length]!;
    device.sell(stamped(source.next()));
    sold += 1;
    if (due % Math.ceil(perSecond / 2) === 0)
      progress(
        `${sold} sold, ${tally.acknowledgedIds.size} acknowledged, ${Math.round((clockMs() - start) / 1_000)} of ${seconds} s`,
      );
  }
  return sold;
}

async function settled(devices: readonly LoadDevice[], tally: Tally): Promise<void> {
  const deadline = clockMs() + SETTLE_MS;
  const isSettled = (): boolean =>
    devices.every(({ pending }) => pending === 0) &&
    [...tally.acknowledgedIds].every((id) => (tally.arrivals.get(id) ?? 0) >= devices.length);
  while (!isSettled() && clockMs() < deadline) await delay(50);
}

/** A reader of its own reads the whole feed: the proof doesn't rest on what arrived live. */
async function check({ url, tokens }: LoadOptions, devices: number, tally: Tally, sold: number): Promise<string[]> {
  const fed = newTally(tally.prefix);
  const reader = new LoadDevice({ url, token: tokens[0]!, transport: "ws", tally: fed });
  await reader.goOnline();
  reader.goOffline();
  const faults: string[] = [];
  const ids = [...tally.acknowledgedIds];
  const count = (text: string, wrong: readonly string[]): void => {
    if (wrong.length > 0) faults.push(`${wrong.length} ${text}, for example ${wrong[0]!}`);
  };
  count(
    "acknowledged sales are not in the feed once",
    ids.filter((id) => fed.arrivals.get(id) !== 1),
  );
  count(
    "acknowledged sales did not arrive at every device once",
    ids.filter((id) => tally.arrivals.get(id) !== devices),
  );
  if (ids.length !== sold) faults.push(`${sold - ids.length} of ${sold} sales were not acknowledged`);
  for (const code of ["FRAME_OUT_OF_ORDER", "RESET"])
    if (tally.errors.has(code)) faults.push(`${code}: ${tally.errors.get(code)}`);
  return faults;
}
