/** What sessions, and the requests over HTTP that stand for short ones, work with. */
import type { CollectionSet } from "@tillwire/protocol/collection";
import type { Logger } from "pino";
import type { Accept } from "./accept.ts";
import type { Auth } from "./auth.ts";
import type { DeviceStatusWriter } from "./device-status.ts";
import type { Feed } from "./feed.ts";
import type { Marks } from "./marks.ts";
import type { Metrics } from "./metrics.ts";
import type { Runtime } from "./runtime.ts";
import type { SyncTokens } from "./sync-tokens.ts";
import type { TokenBuckets } from "./token-bucket.ts";
import type { Turns } from "./turns.ts";

export interface SessionServices {
  readonly collections: CollectionSet;
  readonly accept: Accept;
  readonly auth: Auth;
  readonly feed: Feed;
  readonly tokens: SyncTokens;
  readonly status: DeviceStatusWriter;
  readonly marks: Marks;
  /** Pushes and pulls, per device. */
  readonly buckets: TokenBuckets;
  /** For what holds the processor. */
  readonly turns: Turns;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly runtime: Runtime;
}
