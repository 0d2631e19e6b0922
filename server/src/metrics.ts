/** What Prometheus reads at GET /metrics. No store or device appears in a label: their number has no bound. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Logger } from "pino";
import type { AcceptObserver } from "./store-lane.ts";

export type Metrics = ReturnType<typeof createMetrics>;

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** @param ofProcess also those of Node itself, which watch the process for as long as it lives */
export function createMetrics(ofProcess = true) {
  const registry = new Registry();
  if (ofProcess) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name: `tillwire_${name}`, help, labelNames, registers });
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> =>
    new Gauge({ name: `tillwire_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `tillwire_${name}`, help, buckets, registers });
  return {
    registry,
    writes: counter("writes_total", "Writes decided", ["collection", "outcome"]),
    rejections: counter("rejections_total", "Writes rejected", ["code"]),
    conflicts: counter("conflicts_total", "Conflicts found", ["collection", "kind"]),
    commitSeconds: histogram("commit_seconds", "Duration of one commit of the feed", SECONDS),
    commitWrites: histogram("commit_writes", "Writes that share one commit", [1, 2, 5, 10, 25, 50, 100, 250, 500]),
    commitFailures: counter("commit_failures_total", "Commits that failed as a whole"),
    queueDepth: gauge("queue_depth", "Writes submitted and not settled"),
    pushSeconds: histogram("push_seconds", "From the arrival of a push to its results", SECONDS),
    sessions: gauge("sessions", "Live sessions", ["transport"]),
    frames: counter("frames_total", "Frames sent to sessions"),
    frameBytes: counter("frame_bytes_total", "Characters of frames sent to sessions"),
    feedGaps: counter("feed_gaps_total", "Pages read because commits of other nodes, or lost notices, left a gap"),
    resets: counter("resets_total", "Devices sent back to the beginning of the feed", ["reason"]),
    slowConsumers: counter("slow_consumers_total", "Sessions cut because their link did not keep up"),
    digestMismatches: counter("digest_mismatches_total", "Digests unlike the server's that devices reported"),
    devicesCopied: counter("devices_copied_total", "Devices whose identity was found on a second machine"),
    httpRequests: counter("http_requests_total", "Requests over HTTP", ["route", "status"]),
  };
}

/** Asked at each scrape. */
export function addOldestPending(metrics: Metrics, ageSeconds: () => number): void {
  new Gauge({
    name: "tillwire_oldest_pending_seconds",
    help: "Age of the oldest write that waits on a connected device",
    registers: [metrics.registry],
    collect() {
      this.set(ageSeconds());
    },
  });
}

/** Counts what accept decides, and tells the log of commits that failed as a whole. */
export function acceptMetrics(metrics: Metrics, log: Logger): AcceptObserver {
  return {
    committed(_storeId, writes, durationMs) {
      metrics.commitSeconds.observe(durationMs / 1_000);
      metrics.commitWrites.observe(writes);
    },
    decided(_storeId, write, { outcome, code, conflict }) {
      const collection = write.collection.name;
      metrics.writes.inc({ collection, outcome });
      if (code) metrics.rejections.inc({ code });
      if (conflict) metrics.conflicts.inc({ collection, kind: conflict.kind });
    },
    failed(storeId, err) {
      metrics.commitFailures.inc();
      log.error({ err, storeId }, "A commit failed");
    },
  };
}
