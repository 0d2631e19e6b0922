/** Composes a node: database, accept, sessions, transports. Tests start here; main.ts adds what a process needs. */
import type { AddressInfo } from "node:net";
import type { CollectionSet } from "@tillwire/protocol/collection";
import { LIMITS } from "@tillwire/protocol/limits";
import { pino, type Logger } from "pino";
import postgres from "postgres";
import { createAccept, type Accept, type Committed } from "./accept.ts";
import { adminToken } from "./admin-token.ts";
import { createAdmin, type Admin } from "./admin.ts";
import { createAuth } from "./auth.ts";
import { createDeviceStatusWriter } from "./device-status.ts";
import { createEnrolments } from "./enrolment.ts";
import { createFeed } from "./feed.ts";
import { openFirstShop, type ShopTemplate } from "./first-shop.ts";
import { createGate } from "./gate.ts";
import { acceptMetrics, addOldestPending, createMetrics, type Metrics } from "./metrics.ts";
import { startNotices, type Notices } from "./notices.ts";
import { createOriginCheck } from "./origin.ts";
import { createRestoreWatch } from "./restore-watch.ts";
import { newUuid, systemRuntime, type Runtime } from "./runtime.ts";
import { safeError } from "./safe-error.ts";
import { createSeedDoor } from "./seed-door.ts";
import type { SessionServices } from "./session-services.ts";
import { Sessions } from "./sessions.ts";
import { createDeviceStore } from "./store/device-store.ts";
import { createEnrolmentStore } from "./store/enrolment-store.ts";
import { createPostgresStore } from "./store/postgres-store.ts";
import { createSeedQueries } from "./store/seed-queries.ts";
import { createShopStore, type Shop } from "./store/shop-store.ts";
import { createTokenBuckets } from "./token-bucket.ts";
import { createHttpApp } from "./transports/http.ts";
import { createSocketIoTransport } from "./transports/socket-io.ts";
import { dispatchUpgrades } from "./transports/upgrades.ts";
import { createWebSocketTransport } from "./transports/websocket.ts";

export interface SyncServerOptions {
  /** A migrated database. */
  readonly databaseUrl: string;
  readonly databaseUser?: string | undefined;
  readonly databasePassword?: string | undefined;
  readonly collections: CollectionSet;
  /** 0, the default: any free one. */
  readonly port?: number;
  readonly host?: string;
  /** null, the default: the one of the first start, made if there is none. */
  readonly adminToken?: string | null;
  /** Origins of pages that this server does not serve itself. */
  readonly allowedOrigins?: readonly string[];
  readonly syncIntervalSeconds?: number;
  /** Folder of the built web app. */
  readonly webRoot?: string | null;
  /** Opened if the database has no shop. */
  readonly firstShop?: ShopTemplate;
  readonly log?: Logger;
  readonly runtime?: Runtime;
}

export interface SyncServer {
  readonly url: string;
  readonly port: number;
  /** Made just now; null: known from before. */
  readonly newAdminToken: string | null;
  /** Opened just now; null: there was one. */
  readonly newShop: Shop | null;
  readonly admin: Admin;
  readonly metrics: Metrics;
  /** Drains: commits are finished, sessions are told, then everything is closed. */
  close(): Promise<void>;
}

/** Commits go one by one per store and share these connections with what passes the gates. */
const POOL = 14;
const READS = { running: 5, waiting: 10_000 };
const QUERIES = { running: 4, waiting: 5_000 };
const STATEMENT_TIMEOUT_MS = 30_000;

export async function createSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const log = (options.log ?? pino({ level: "silent" })).child({}, { serializers: { err: safeError } });
  const runtime = options.runtime ?? systemRuntime;
  const sql = postgres(options.databaseUrl, {
    max: POOL,
    ...(options.databaseUser !== undefined && { username: options.databaseUser }),
    ...(options.databasePassword !== undefined && { password: options.databasePassword }),
    connect_timeout: 10,
    onnotice: () => undefined,
    connection: { application_name: "tillwire", statement_timeout: STATEMENT_TIMEOUT_MS },
  });
  const node = createNode(sql, options, log, runtime);
  const token = await adminToken(node.shops, options.adminToken ?? null, runtime);
  const newShop = options.firstShop ? await openFirstShop(node, options.firstShop) : null;
  const notices = await node.startNotices();
  const admin = createAdmin({ ...node, tokenHash: token.hash, gate: node.queries });
  let draining = false;
  const allowOrigin = createOriginCheck(options.allowedOrigins ?? []);
  const seed = createSeedDoor(node.services, createSeedQueries(sql), node.queries);
  const app = await createHttpApp({
    services: node.services,
    seed: options.collections.has("orders") && options.collections.has("transactions") ? seed : null,
    enrolments: node.enrolments,
    admin,
    allowOrigin,
    isDraining: () => draining,
    probe: async () => void (await node.queries.run(() => node.shops.readSetting("probe"))),
    webRoot: options.webRoot ?? null,
    syncIntervalSeconds: options.syncIntervalSeconds ?? 30,
  });
  const live = { open: node.openLink, runtime, log };
  const webSocket = createWebSocketTransport(live);
  const socketIo = createSocketIoTransport({ ...live, httpServer: app.server, allowOrigin });
  dispatchUpgrades(app.server, webSocket, allowOrigin);
  const host = options.host ?? "0.0.0.0";
  await app.listen({ port: options.port ?? 0, host });
  const { port } = app.server.address() as AddressInfo;
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    draining = true;
    await node.accept.drain();
    node.sessions.drain();
    await Promise.all([webSocket.close(), socketIo.close()]);
    await app.close();
    await notices.close();
    await node.services.status.close();
    await sql.end({ timeout: 5 });
  }

  return {
    url: `http://${host === "0.0.0.0" || host === "::" ? "localhost" : host}:${port}`,
    port,
    newAdminToken: token.made,
    newShop,
    admin,
    metrics: node.services.metrics,
    close: () => (closing ??= close()),
  };
}

/** Everything behind the transports. */
function createNode(sql: postgres.Sql, options: SyncServerOptions, log: Logger, runtime: Runtime) {
  const metrics = createMetrics();
  const store = createPostgresStore(sql);
  const devices = createDeviceStore(sql);
  const shops = createShopStore(sql);
  const queries = createGate(QUERIES);
  const newId = (): string => newUuid(runtime);
  const onCommitted = (committed: Committed): void => {
    sessions.publish(committed);
    notices?.announceHead(committed.storeId, committed.to, committed.epoch);
  };
  const onNewEpoch = (storeId: string, epoch: string): void => {
    log.warn({ storeId, epoch }, "A new epoch has begun");
    sessions.hint(storeId, 0, epoch);
    notices?.announceHead(storeId, 0, epoch);
  };
  const accept: Accept = createAccept({
    store,
    collections: options.collections,
    onCommitted,
    now: runtime.now,
    observer: acceptMetrics(metrics, log),
  });
  const feed = createFeed({ store, gate: createGate(READS), newEpoch: newId, onNewEpoch });
  const services: SessionServices = {
    collections: options.collections,
    accept,
    auth: createAuth(devices, queries),
    feed,
    status: createDeviceStatusWriter(devices, runtime, (err) =>
      log.warn({ err }, "Status of devices could not be written"),
    ),
    buckets: createTokenBuckets({ perSecond: LIMITS.pushesPerSecond, burst: LIMITS.pushBurst }, runtime.now),
    metrics,
    log,
    runtime,
  };
  const sessions = new Sessions({ services, listDevices: (storeId) => queries.run(() => devices.list(storeId)) });
  addOldestPending(metrics, () => {
    const at = sessions.oldestPendingAt();
    return at === null ? 0 : Math.max(0, (runtime.now() - at) / 1_000);
  });
  const onRevoked = (storeId: string, deviceId: string): void => {
    log.info({ storeId, deviceId }, "Device revoked");
    sessions.cut(storeId, deviceId, "DEVICE_REVOKED", "the device was revoked");
    notices?.announceRevoked({ storeId, deviceId });
  };
  const onReEnrolled = (storeId: string, deviceId: string): void => {
    sessions.cut(storeId, deviceId, "UNAUTHENTICATED", "the device was enrolled anew");
  };
  const enrolments = createEnrolments({ store: createEnrolmentStore(sql), gate: queries, runtime, onReEnrolled });
  const restores = createRestoreWatch(shops, store, newId, onNewEpoch, log);
  let notices: Notices | null = null;
  return {
    store,
    devices,
    shops,
    queries,
    newId,
    accept,
    feed,
    services,
    sessions,
    enrolments,
    runtime,
    onRevoked,
    onNewEpoch,
    openLink: sessions.open.bind(sessions),
    async startNotices(): Promise<Notices> {
      const parts = {
        sql,
        nodeId: newId(),
        store,
        devices,
        feed,
        sessions,
        runtime,
        log,
        onConnected: () => restores.check(),
      };
      notices = await startNotices(parts);
      return notices;
    },
  };
}
