/** All measures, in the order in which they run. */
import type { Measure } from "../measure.ts";
import { bundle } from "./bundle.ts";
import { browser } from "./browser.ts";
import { browserCatchUp } from "./browser-catch-up.ts";
import { catchUp } from "./catch-up.ts";
import { commitAlone } from "./commit-alone.ts";
import { fanOut } from "./fan-out.ts";
import { growth } from "./growth.ts";
import { idleLinks } from "./idle-links.ts";
import { liveLatency } from "./live-latency.ts";
import { manyShops } from "./many-shops.ts";
import { nodesApart, nodesKilled, nodesTogether } from "./nodes.ts";
import { outboxDrain } from "./outbox-drain.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { singleWrites } from "./single-writes.ts";

export const MEASURES: readonly Measure[] = [
  ...[liveLatency, outboxDrain, commitAlone, singleWrites, catchUp, fanOut],
  ...[browserCatchUp, browser, bundle, idleLinks, reconnectStorm, manyShops, growth],
];

/** Of `--nodes 2`. */
export const NODES_MEASURES: readonly Measure[] = [nodesTogether, nodesApart, nodesKilled];
