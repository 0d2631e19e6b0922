/** All measures, in the order in which they run. */
import type { Measure } from "../measure.ts";
import { catchUp } from "./catch-up.ts";
import { commitAlone } from "./commit-alone.ts";
import { fanOut } from "./fan-out.ts";
import { growth } from "./growth.ts";
import { idleLinks } from "./idle-links.ts";
import { liveLatency } from "./live-latency.ts";
import { manyShops } from "./many-shops.ts";
import { outboxDrain } from "./outbox-drain.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { singleWrites } from "./single-writes.ts";

export const MEASURES: readonly Measure[] = [
  ...[liveLatency, outboxDrain, commitAlone, singleWrites, catchUp],
  ...[fanOut, idleLinks, reconnectStorm, manyShops, growth],
];
