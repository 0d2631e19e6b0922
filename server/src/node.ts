/** What stands behind the transports of one node, put together: who tells whom of commits, epochs and revocations. */
import type { CollectionSet } from "@tillwire/protocol/collection";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Logger } from "pino";
import { createAccept, type Committed } from "./accept.ts";
import { createAuth } from "./auth.ts";
import { createDeviceStatusWriter } from "./device-status.ts";
import { createEnrolments } from "./enrolment.ts";
import { createFeed } from "./feed.ts";
import { createGate } from "./gate.ts";
import { createHistory } from "./history.ts";
import { createMarks } from "./marks.ts";
import { acceptMetrics, addOldestPending, createMetrics, type Metrics } from "./metrics.ts";
import { startNotices, type Notices } from "./notices.ts";
import { createRestoreWatch } from "./restore-watch.ts";
import { newStamp, newUuid, type Runtime } from "./runtime.ts";
import { createSeedDoor } from "./seed-door.ts";
import type { SessionServices } from "./session-services.ts";
import { Sessions } from "./sessions.ts";
import { createShopPolicies } from "./shop-policies.ts";
import type { Database } from "./store/database.ts";
import { createSyncTokens, type SyncTokens } from "./sync-tokens.ts";
import { createTokenBuckets } from "./token-bucket.ts";
import { Turns } from "./turns.ts";

export type Node = ReturnType<typeof createNode>;

export interface NodeOptions {
  readonly database: Database;
  readonly collections: CollectionSet;
  readonly log: Logger;
  readonly runtime: Runtime;
  readonly metrics?: Metrics;
}

// Commits go one by one per store; what passes the gates leaves connections of the pool for them.
const READS = { running: 5, waiting: 10_000 };
const QUERIES = { running: 4, waiting: 5_000 };
export const POOL_CONNECTIONS = READS.running + QUERIES.running + 5;

export function createNode(options: NodeOptions) {
  const { log, runtime } = options;
  const { store, devices, shops, audit, conflicts, history, board } = options.database;
  const gate = createGate(QUERIES);
  const newId = (): string => newUuid(runtime);
  const news = createNews(log);
  const tokens = createSyncTokens(runtime);
  const services = createServices(options, { gate, newId, news, tokens });
  const listDevices = (storeId: string) => gate.run(() => devices.list(storeId), storeId);
  const sessions = new Sessions({ services, listDevices });
  addOldestPending(services.metrics, () => {
    const at = sessions.oldestPendingAt();
    return at === null ? 0 : Math.max(0, (runtime.now() - at) / 1_000);
  });
  const enrolments = createEnrolments({
    store: options.database.enrolments,
    gate,
    runtime,
    onReEnrolled(storeId, deviceId) {
      sessions.cut(storeId, deviceId, "UNAUTHENTICATED", "the device was enrolled anew");
      news.enrolledAnew(storeId, deviceId);
    },
  });
  const restores = createRestoreWatch(shops, store, newId, news.epochBegan, log);
  const onConnected = async (): Promise<void> => {
    await tokens.share(shops);
    await restores.check();
  };
  const parts = { board, nodeId: newId(), store, devices, feed: services.feed, sessions, runtime, log, onConnected };
  return {
    store,
    devices,
    shops,
    audit,
    conflicts,
    policies: createShopPolicies(options.collections, shops, gate),
    history: createHistory(history, gate),
    gate,
    newId,
    runtime,
    services,
    accept: services.accept,
    feed: services.feed,
    sessions,
    enrolments,
    seed: createSeedDoor(services, options.database.seedQueries, gate),
    onRevoked: news.revoked,
    onNewEpoch: news.epochBegan,
    /** From here on, other nodes hear of this one and this one of them. */
    async startNotices(): Promise<Notices> {
      // Before anybody is served: what a device pushes into an epoch that is over counts as what the next one began with.
      await onConnected();
      const notices = await startNotices(parts);
      news.tell(sessions, notices);
      return notices;
    },
  };
}

/** What happens on this node goes to its own sessions and to the other nodes. */
function createNews(log: Logger) {
  let told: { readonly sessions: Sessions; readonly notices: Notices } | null = null;
  return {
    tell(sessions: Sessions, notices: Notices): void {
      told = { sessions, notices };
    },
    committed(committed: Committed): void {
      told?.sessions.publish(committed);
      told?.notices.announceHead(committed.storeId, committed.to, committed.epoch);
    },
    epochBegan(storeId: string, epoch: string): void {
      log.warn({ storeId, epoch }, "A new epoch has begun");
      told?.sessions.hint(storeId, 0, epoch);
      told?.notices.announceHead(storeId, 0, epoch);
    },
    enrolledAnew(storeId: string, deviceId: string): void {
      told?.notices.announceRevoked({ storeId, deviceId });
    },
    revoked(storeId: string, deviceId: string): void {
      log.info({ storeId, deviceId }, "Device revoked");
      told?.sessions.cut(storeId, deviceId, "DEVICE_REVOKED", "the device was revoked");
      told?.notices.announceRevoked({ storeId, deviceId });
    },
  };
}

interface ServiceParts {
  readonly gate: ReturnType<typeof createGate>;
  readonly newId: () => string;
  readonly news: ReturnType<typeof createNews>;
  readonly tokens: SyncTokens;
}

function createServices(options: NodeOptions, { gate, newId, news, tokens }: ServiceParts): SessionServices {
  const { collections, log, runtime, metrics = createMetrics() } = options;
  const { store, devices, audit } = options.database;
  const observer = acceptMetrics(metrics, log);
  const turns = new Turns(runtime.setImmediate);
  const statusFailed = (err: unknown): void => log.warn({ err }, "Status of devices could not be written");
  return {
    collections,
    accept: createAccept({
      store,
      collections,
      onCommitted: news.committed,
      now: runtime.now,
      newStamp: () => newStamp(runtime),
      observer,
      turns,
    }),
    auth: createAuth(devices, gate),
    feed: createFeed({ store, gate: createGate(READS), tokens, newEpoch: newId, onNewEpoch: news.epochBegan }),
    tokens,
    status: createDeviceStatusWriter(devices, runtime, statusFailed),
    marks: createMarks({ devices, audit, gate, metrics, log, runtime }),
    buckets: createTokenBuckets({ perSecond: LIMITS.pushesPerSecond, burst: LIMITS.pushBurst }, runtime.now),
    turns,
    metrics,
    log,
    runtime,
  };
}
