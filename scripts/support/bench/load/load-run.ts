/** One run of a load test: who sells what when, and the proof at its end. */
import { setTimeout as delay } from "node:timers/promises";
import { createOrderSource } from "../orders.ts";
import { clockMs, stamped } from "../stamp.ts";
import { LoadDevice } from "./load-device.ts";
import type { LoadTransport } from "./load-link.ts";
import { newTally, type Tally } from "./load-tally.ts";
import type { Bar } from "./progress-bars.ts";

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
  readonly show: (bars: readonly Bar[]) => void;
  /** Aborted: selling ends, and what was sold is verified. */
  readonly signal: AbortSignal;
}

export interface LoadOutcome {
  readonly tally: Tally;
  readonly sold: number;
  /** For so long it was sold. */
  readonly sellingMs: number;
  /** Until the last acknowledgement. */
  readonly ms: number;
  readonly openingMs: number;
  /** What is wrong; empty: every acknowledged sale is in the feed once, and arrived everywhere once. */
  readonly faults: readonly string[];
}

/** Links that may wait for their welcome at a time: servers allow an address only so many. */
const OPENING = 15;
const SETTLE_MS = 60_000;
/** For whoever pressed Ctrl-C. */
const HURRIED_SETTLE_MS = 15_000;
const FAULTY = ["FRAME_OUT_OF_ORDER", "RESET", "ARRIVED_TWICE"];

/** @throws when the server refuses a device for good */
export async function runLoad(options: LoadOptions): Promise<LoadOutcome> {
  const { url, tokens, transports, scenario, signal } = options;
  const tally = newTally(`L${Date.now().toString(36).toUpperCase()}`);
  const devices = tokens.map(
    (token, i) => new LoadDevice({ url, token, transport: transports[i % transports.length]!, tally }),
  );
  const run: Run = { options, devices, tally, sold: 0 };
  const watching = setInterval(() => options.show(barsOf(run)), 100);
  try {
    const begin = clockMs();
    await goOnline(devices, scenario === "opening" ? devices.length : OPENING, signal);
    const openingMs = clockMs() - begin;
    const stop = stage(run);
    const startedAt = clockMs();
    await sell(run);
    const sellingMs = clockMs() - startedAt;
    stop();
    await settled(run);
    const ms = Math.max((tally.moments.at(-1) ?? clockMs()) - startedAt, sellingMs);
    const faults = await check(run);
    options.show(barsOf(run));
    return { tally, sold: run.sold, sellingMs, ms, openingMs, faults };
  } finally {
    clearInterval(watching);
    for (const device of devices) device.goOffline();
  }
}

interface Run {
  readonly options: LoadOptions;
  readonly devices: readonly LoadDevice[];
  readonly tally: Tally;
  sold: number;
}

function barsOf({ devices, tally, sold, options: { perSecond, seconds } }: Run): Bar[] {
  return [
    { label: "devices live", value: devices.filter(({ isLive }) => isLive).length, of: devices.length },
    { label: "sold", value: sold, of: Math.ceil(perSecond * seconds) },
    { label: "acknowledged", value: tally.acknowledgedIds.size, of: sold },
    { label: "arrived", value: tally.arrivals, of: sold * devices.length },
  ];
}

async function goOnline(devices: readonly LoadDevice[], atATime: number, signal: AbortSignal): Promise<void> {
  const waiting = [...devices];
  const interrupted = aborted(signal);
  const worker = async (): Promise<void> => {
    for (let device = waiting.shift(); device && !signal.aborted; device = waiting.shift())
      await Promise.race([device.goOnline(), interrupted]);
  };
  await Promise.all(Array.from({ length: Math.min(atATime, devices.length) }, worker));
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** What happens besides selling. @returns ends it */
function stage({ options: { scenario, seconds }, devices }: Run): () => void {
  const timers: NodeJS.Timeout[] = [];
  const at = (share: number, run: () => void): void => void timers.push(setTimeout(run, share * seconds * 1_000));
  const back = (device: LoadDevice): void => void device.goOnline().catch(() => undefined);
  const third = devices.filter((_, i) => i % 3 === 0);
  if (scenario === "outage") {
    at(1 / 3, () => third.forEach((device) => device.goOffline()));
    at(2 / 3, () => third.forEach(back));
  }
  if (scenario === "reconnect-storm")
    at(1 / 2, () => {
      devices.forEach((device) => device.goOffline());
      devices.forEach(back);
    });
  return () => {
    timers.forEach((timer) => clearTimeout(timer));
    devices.forEach(back);
  };
}

async function sell(run: Run): Promise<void> {
  const { devices, tally } = run;
  const { perSecond, seconds, scenario, signal } = run.options;
  const source = createOrderSource(Date.now(), tally.prefix);
  const start = clockMs();
  for (let due = 0; due < perSecond * seconds && !signal.aborted; due += 1) {
    await delay(Math.max(0, start + (due * 1_000) / perSecond - clockMs()), undefined, { signal }).catch(
      () => undefined,
    );
    if (signal.aborted) return;
    // of a flood, one device sells as much as all others together
    const device = scenario === "flood" && due % 2 === 1 ? devices[0]! : devices[due % devices.length]!;
    device.sell(stamped(source.next()));
    tally.soldAt.push(clockMs());
    run.sold += 1;
  }
}

async function settled({ devices, tally, options: { signal } }: Run): Promise<void> {
  const deadline = clockMs() + (signal.aborted ? HURRIED_SETTLE_MS : SETTLE_MS);
  const isSettled = (): boolean =>
    devices.every(({ pending }) => pending === 0) &&
    devices.every(({ arrived }) => arrived.size >= tally.acknowledgedIds.size);
  while (!isSettled() && clockMs() < deadline) await delay(50);
}

/** A reader of its own reads the whole feed: the proof doesn't rest on what arrived live. */
async function check({ options, devices, tally, sold }: Run): Promise<string[]> {
  const fed = newTally(tally.prefix);
  const reader = new LoadDevice({
    url: options.url,
    token: options.tokens[0]!,
    transport: options.transports[0]!,
    tally: fed,
  });
  const faults: string[] = [];
  const inTime = delay(SETTLE_MS, "late", { ref: false });
  if ((await Promise.race([reader.goOnline(), inTime])) === "late") faults.push("the feed could not be read to check");
  reader.goOffline();
  const ids = [...tally.acknowledgedIds];
  const count = (text: string, wrong: readonly string[]): void => {
    if (wrong.length > 0) faults.push(`${wrong.length} ${text}, for example ${wrong[0]!}`);
  };
  count(
    "acknowledged sales are not in the feed",
    ids.filter((id) => !reader.arrived.has(id)),
  );
  count(
    "acknowledged sales did not arrive at every device",
    ids.filter((id) => devices.some(({ arrived }) => !arrived.has(id))),
  );
  if (ids.length !== sold) faults.push(`${sold - ids.length} of ${sold} sales were not acknowledged`);
  for (const code of FAULTY) {
    const times = (tally.errors.get(code) ?? 0) + (fed.errors.get(code) ?? 0);
    if (times > 0) faults.push(`${code}: ${times}`);
  }
  return faults;
}
