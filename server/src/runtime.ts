/** What a process has of its own: clock, timers, randomness. Parameters everywhere, so that tests may bring theirs. */
import { randomBytes } from "node:crypto";

export interface Runtime {
  /** Epoch ms. */
  readonly now: () => number;
  readonly setTimeout: (run: () => void, ms: number) => NodeJS.Timeout;
  readonly clearTimeout: (timer: NodeJS.Timeout | undefined) => void;
  readonly setInterval: (run: () => void, ms: number) => NodeJS.Timeout;
  readonly clearInterval: (timer: NodeJS.Timeout | undefined) => void;
  /** Once what waits for this process (links, timers) has had its turn. */
  readonly setImmediate: (run: () => void) => void;
  readonly random: (bytes: number) => Uint8Array;
}

export const systemRuntime: Runtime = {
  now: Date.now,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  random: randomBytes,
};

export function randomHex(runtime: Pick<Runtime, "random">, bytes: number): string {
  return Buffer.from(runtime.random(bytes)).toString("hex");
}

/** 64 random bits as 11 characters of `A-Za-z0-9_-`: what each commit bears. */
export function newStamp(runtime: Pick<Runtime, "random">): string {
  return Buffer.from(runtime.random(8)).toString("base64url");
}

/** A random (version 4) UUID. */
export function newUuid(runtime: Runtime): string {
  const bytes = Buffer.from(runtime.random(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
