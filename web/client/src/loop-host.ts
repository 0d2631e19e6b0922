/** What the sync loop takes from its tab, and tells it. */
import type { DeviceStatus, PresentDevice } from "@tillwire/protocol/messages";
import type { Identity, ReplicaOptions } from "./api.ts";
import type { Environment } from "./environment.ts";
import type { FencedHost } from "./fenced.ts";

export interface LoopHost extends FencedHost {
  readonly env: Environment;
  readonly options: ReplicaOptions;
  identity(): Identity;
  status(): DeviceStatus;
  /** Link, busyness or failure changed. */
  changed(): void;
  presence(devices: readonly PresentDevice[], whole: boolean): void;
}

/** The last failure since the last success. */
export interface LoopFailure {
  readonly code: string;
  readonly message: string;
  /** Epoch ms; null: not by itself. */
  readonly retryAt: number | null;
}
