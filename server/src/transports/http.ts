/** The HTTP server: what holds for all doors (requests' ids, errors, origins, headers), and the doors of the node itself. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import { PROTOCOL_VERSION } from "@tillwire/protocol/version";
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Admin } from "../admin.ts";
import type { Enrolments } from "../enrolment.ts";
import type { History } from "../history.ts";
import type { OriginCheck } from "../origin.ts";
import { randomHex } from "../runtime.ts";
import type { SeedDoor } from "../seed-door.ts";
import type { SessionServices } from "../session-services.ts";
import { addAdminDoors, addEnrolmentDoor } from "./http-admin.ts";
import { addHistoryDoor } from "./http-history.ts";
import { addSeedDoors } from "./http-seed.ts";
import { addStatusDoor } from "./http-status.ts";
import { addSyncDoors } from "./http-sync.ts";
import { refuseOnSocket, replicationErrorOf, sendProblem } from "./problem.ts";
import { bodyFromText } from "./request.ts";
import { addWebApp } from "./web-app.ts";

export interface HttpOptions {
  readonly services: SessionServices;
  /** null: this server's collections are not the seed's. */
  readonly seed: SeedDoor | null;
  readonly enrolments: Enrolments;
  readonly admin: Admin;
  readonly history: History;
  readonly allowOrigin: OriginCheck;
  readonly isDraining: () => boolean;
  /** Resolves when the database answers. */
  readonly probe: () => Promise<void>;
  readonly webRoot: string | null;
  readonly syncIntervalSeconds: number;
}

const SMALL_BODY = 64 * 1024;
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; img-src 'self' data:; worker-src 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

export async function createHttpApp(options: HttpOptions): Promise<FastifyInstance> {
  const { services } = options;
  const log: FastifyBaseLogger = services.log;
  const app: FastifyInstance = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: SMALL_BODY,
    // Fastify's default is for ever; longer than Node's, for the large batches of slow lines.
    requestTimeout: LIMITS.requestTimeoutMs,
    genReqId: () => newRequestId(services),
    frameworkErrors: (error, request, reply) => void answerError(services, error, request, reply),
    clientErrorHandler: (error, socket) => {
      const code = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "UNAVAILABLE" : "MALFORMED";
      refuseOnSocket(socket, code, newRequestId(services));
    },
  });
  app.decorateRequest("device", null);
  readJsonOnly(app);
  answerProblems(app, services);
  addHooks(app, options);
  addSyncDoors(app, services);
  addStatusDoor(app, services);
  if (options.seed) addSeedDoors(app, services, options.seed);
  addEnrolmentDoor(app, options.enrolments);
  addAdminDoors(app, options.admin);
  addHistoryDoor(app, options);
  addNodeDoors(app, options);
  await addWebApp(app, options.webRoot);
  return app;
}

export function newRequestId({ runtime }: Pick<SessionServices, "runtime">): string {
  return randomHex(runtime, 8);
}

function readJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, bodyFromText(body as string));
    } catch (error) {
      done(error as Error);
    }
  });
}

function answerError(
  services: SessionServices,
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = replicationErrorOf(error);
  if (!known)
    services.log.error({ err: error, requestId: request.id, route: request.routeOptions.url }, "A request failed");
  return sendProblem(request, reply, known ?? new ReplicationError("INTERNAL", "internal error"));
}

function answerProblems(app: FastifyInstance, services: SessionServices): void {
  app.setErrorHandler((error: Error, request, reply) => answerError(services, error, request, reply));
  const routes: { readonly path: RegExp; readonly methods: string[] }[] = [];
  app.addHook("onRoute", ({ url, method }) => {
    const pattern = url.replace(/[.$]/g, "\\$&").replace(/:[a-z]+/gi, "[^/]+");
    if (!url.includes("*")) routes.push({ path: new RegExp(`^${pattern}$`), methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0]!;
    const methods = routes.filter((route) => route.path.test(path)).flatMap((route) => route.methods);
    if (methods.length === 0 || methods.includes(request.method))
      return sendProblem(request, reply, new ReplicationError("NOT_FOUND", "nothing is here"));
    reply.header("allow", [...new Set(methods)].join(", "));
    return sendProblem(
      request,
      reply,
      new ReplicationError("METHOD_NOT_ALLOWED", `${request.method} is not allowed here`),
    );
  });
}

function addHooks(app: FastifyInstance, { services, allowOrigin, isDraining }: HttpOptions): void {
  app.addHook("onRequest", async (request, reply) => {
    const { origin, host } = request.headers;
    reply.headers(SECURITY_HEADERS);
    if (!isOfApi(request)) return;
    reply.header("cache-control", "no-store");
    if (!allowOrigin(origin, host))
      throw new ReplicationError("FOREIGN_ORIGIN", "pages of this origin are not allowed here");
    if (origin !== undefined) {
      const headers = {
        "access-control-allow-origin": origin,
        vary: "origin",
        "access-control-expose-headers": "retry-after",
      };
      reply.headers(headers);
      if (request.method === "OPTIONS") return preflight(reply);
    }
    if (isDraining()) throw new ReplicationError("SHUTTING_DOWN", "the server is going down", 1_000);
    return undefined;
  });
  app.addHook("onResponse", async (request, reply) => {
    services.metrics.httpRequests.inc({ route: request.routeOptions.url ?? "none", status: reply.statusCode });
  });
}

/** By the door too: a path may be written in many ways, `/%61pi/...` among them. */
function isOfApi({ url, routeOptions }: FastifyRequest): boolean {
  return url.startsWith("/api/") || (routeOptions.url?.startsWith("/api/") ?? false);
}

function preflight(reply: FastifyReply): FastifyReply {
  return reply
    .headers({
      "access-control-allow-methods": "GET, POST, PUT, DELETE",
      "access-control-allow-headers": "authorization, content-type",
      "access-control-max-age": "600",
    })
    .code(204)
    .send();
}

function addNodeDoors(app: FastifyInstance, { services, isDraining, probe, syncIntervalSeconds }: HttpOptions): void {
  app.get("/healthz", () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    if (isDraining()) throw new ReplicationError("SHUTTING_DOWN", "the server is going down", 1_000);
    await probe();
    return { status: "ready" };
  });
  app.get("/metrics", async (_request, reply) => {
    const { registry } = services.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  app.get("/api/config", () => ({ protocol: PROTOCOL_VERSION, syncIntervalSeconds }));
}
