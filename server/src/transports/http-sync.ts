/** Push and pull of any collection over HTTP: a session for the length of one request. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import { httpPushSchema } from "@tillwire/protocol/messages";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Device } from "../auth.ts";
import { EpochOver } from "../epoch.ts";
import { ANOTHER_EPOCH, ResetRequired, type Restart } from "../feed.ts";
import { choose, isOtherHistory } from "../frames.ts";
import { encodeAnswer } from "../push-answer.ts";
import { submitPush, takeTurn } from "../push.ts";
import type { SessionServices } from "../session-services.ts";
import { bearerToken, parseBody, queryNumber, queryValue, readInTurn } from "./request.ts";

/** The device that the request's token names; it counts as seen. */
export async function deviceOf(services: SessionServices, request: FastifyRequest): Promise<Device> {
  const device = await services.auth.authenticate(bearerToken(request));
  services.status.seen(device, { status: { online: true } });
  return device;
}

/** Doors with large bodies: nobody's is read before it is known who sends it, and that they may. */
export function admission(services: SessionServices): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    request.device = await deviceOf(services, request);
    takeTurn(services, request.device);
  };
}

/** Gives a RESET that accept found what a `reset` message says. */
export async function explainReset<T>(services: SessionServices, device: Device, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ReplicationError) || error.code !== "RESET" || error instanceof ResetRequired) throw error;
    const { epoch: current } = await services.feed.readHead(device.storeId);
    const epoch =
      error instanceof EpochOver ? await services.feed.epochFor(device.storeId, error.sentIn, current) : current;
    throw await resetRequired(services, device, ANOTHER_EPOCH, epoch);
  }
}

async function resetRequired(
  services: SessionServices,
  device: Device,
  restart: Restart,
  epoch: string,
): Promise<ResetRequired> {
  services.metrics.resets.inc({ reason: restart.reason });
  return new ResetRequired(await services.feed.resetMessage(device.storeId, restart, epoch));
}

export function addSyncDoors(app: FastifyInstance, services: SessionServices): void {
  const onRequest = admission(services);
  app.post("/api/sync/push", { bodyLimit: LIMITS.pushBytes, onRequest }, async (request, reply) => {
    const device = request.device!;
    const body = await readInTurn(services.turns, device, request, (sent) => parseBody(httpPushSchema, sent));
    return explainReset(services, device, async () => {
      // Who names no epoch has read nothing yet: pull first.
      if (body.syncToken === null) throw new ReplicationError("RESET", "no sync token");
      // Looked up before anything is decided: a database that was put back would take these writes for the past.
      const { epoch, reset } = await services.feed.locate(device.storeId, body.syncToken);
      if (reset) throw await resetRequired(services, device, reset, epoch);
      const writes = body.writes.map((write) => ({ write }));
      const { results } = await submitPush(services, device, epoch, writes, request.id);
      return reply.type("application/json").send(encodeAnswer(body.id, results));
    });
  });

  app.get("/api/sync/pull", async (request, reply) => {
    const device = await deviceOf(services, request);
    takeTurn(services, device);
    const collections = queryValue(request, "collections")?.split(",");
    const unknown = collections?.find((name) => !services.collections.has(name));
    if (unknown !== undefined) throw new ReplicationError("UNPROCESSABLE", `no collection ${unknown.slice(0, 64)}`);
    const choice = choose(collections);
    const limit = Math.min(Math.max(1, queryNumber(request, "limit") ?? LIMITS.pageChanges), LIMITS.pageChanges);
    const opening = await services.feed.open(device.storeId, queryValue(request, "since"), choice);
    if (opening.reset) throw await resetRequired(services, device, opening.reset, opening.epoch);
    const page = await services.feed.readPage(device.storeId, opening.position, choice, limit);
    // Another epoch began between the two statements.
    if (page.epoch !== opening.epoch) {
      const epoch = await services.feed.epochFor(device.storeId, opening.epoch, page.epoch);
      throw await resetRequired(services, device, ANOTHER_EPOCH, epoch);
    }
    if (isOtherHistory(page, opening.stamp)) {
      const epoch = await services.feed.beginEpochAfterLoss(device.storeId, opening.epoch);
      throw await resetRequired(services, device, { reason: "CURSOR_AHEAD", reoffer: null }, epoch);
    }
    services.status.seen(device, { cursor: opening.position });
    return reply.type("application/json").send(services.feed.encode(device.storeId, page, choice));
  });
}
