/** Puts a server together: a node, its transports, a port. Tests start here; main.ts adds what a process needs. */
import type { AddressInfo } from "node:net";
import type { CollectionSet } from "@tillwire/protocol/collection";
import { pino, type Logger } from "pino";
import postgres from "postgres";
import { adminToken } from "./admin-token.ts";
import { createAdmin, type Admin } from "./admin.ts";
import { openFirstShop, type ShopTemplate } from "./first-shop.ts";
import { NOBODYS } from "./gate.ts";
import type { Metrics } from "./metrics.ts";
import { createNode, POOL_CONNECTIONS, type Node } from "./node.ts";
import { createOriginCheck } from "./origin.ts";
import { systemRuntime, type Runtime } from "./runtime.ts";
import { safeError } from "./safe-error.ts";
import { postgresDatabase } from "./store/database.ts";
import type { Shop } from "./store/shop-store.ts";
import { createHttpApp, newRequestId } from "./transports/http.ts";
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

const STATEMENT_TIMEOUT_MS = 30_000;

/** @throws when the database is not there or the port is taken; nothing is left open then */
export async function createSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const log = (options.log ?? pino({ level: "silent" })).child({}, { serializers: { err: safeError } });
  const runtime = options.runtime ?? systemRuntime;
  const sql = connect(options);
  const node = createNode({ database: postgresDatabase(sql), collections: options.collections, log, runtime });
  const opened: (() => Promise<unknown>)[] = [() => sql.end({ timeout: 5 }), () => node.services.status.close()];
  // Last opened, first closed.
  const closeAll = async (): Promise<void> => {
    for (const each of opened.reverse()) await each();
  };
  try {
    const token = await adminToken(node.shops, options.adminToken ?? null, runtime);
    const newShop = options.firstShop ? await openFirstShop(node, options.firstShop) : null;
    const notices = await node.startNotices();
    opened.push(() => notices.close());
    const admin = createAdmin({ ...node, tokenHash: token.hash });
    const served = await serve(node, admin, options);
    opened.push(() => served.close());
    let closing: Promise<void> | null = null;
    const { url, port } = served;
    const { metrics } = node.services;
    const close = (): Promise<void> => (closing ??= closeAll());
    return { url, port, newAdminToken: token.made, newShop, admin, metrics, close };
  } catch (error) {
    node.sessions.drain();
    await closeAll();
    throw error;
  }
}

function connect({ databaseUrl, databaseUser, databasePassword }: SyncServerOptions): postgres.Sql {
  return postgres(databaseUrl, {
    max: POOL_CONNECTIONS,
    ...(databaseUser !== undefined && { username: databaseUser }),
    ...(databasePassword !== undefined && { password: databasePassword }),
    connect_timeout: 10,
    onnotice: () => undefined,
    connection: { application_name: "tillwire", statement_timeout: STATEMENT_TIMEOUT_MS },
  });
}

/** How long HTTP answers that are on their way may take when the node goes down. */
const HTTP_CLOSE_MS = 1_000;

/** All transports over one HTTP server. */
async function serve(node: Node, admin: Admin, options: SyncServerOptions) {
  const { services, sessions, runtime } = node;
  let draining = false;
  const allowOrigin = createOriginCheck(options.allowedOrigins ?? []);
  const speaksSeed = options.collections.has("orders") && options.collections.has("transactions");
  const app = await createHttpApp({
    services,
    seed: speaksSeed ? node.seed : null,
    enrolments: node.enrolments,
    admin,
    history: node.history,
    allowOrigin,
    isDraining: () => draining,
    probe: async () => void (await node.gate.run(() => node.shops.readSetting("probe"), NOBODYS)),
    webRoot: options.webRoot ?? null,
    syncIntervalSeconds: options.syncIntervalSeconds ?? 30,
  });
  const live = { open: sessions.open.bind(sessions), runtime, log: services.log };
  const webSocket = createWebSocketTransport(live);
  const socketIo = createSocketIoTransport({ ...live, httpServer: app.server, allowOrigin });
  dispatchUpgrades(app.server, webSocket, allowOrigin, () => newRequestId(services));
  const host = options.host ?? "0.0.0.0";
  await app.listen({ port: options.port ?? 0, host, listenTextResolver: (address) => `Listening at ${address}` });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${host === "0.0.0.0" || host === "::" ? "localhost" : host}:${port}`,
    port,
    /** Commits are finished and answered, sessions told, links closed. */
    async close(): Promise<void> {
      draining = true;
      await node.accept.drain();
      sessions.drain();
      await Promise.all([webSocket.close(), socketIo.close()]);
      // Browsers open connections ahead of need; Node counts one that never sent a request as busy.
      const overdue = runtime.setTimeout(() => app.server.closeAllConnections(), HTTP_CLOSE_MS);
      await app.close();
      runtime.clearTimeout(overdue);
    },
  };
}
