/** What a device that polls tells of itself, as others do over their links; and its mark, by which a copy of it is found. */
import { httpStatusSchema } from "@tillwire/protocol/messages";
import type { FastifyInstance } from "fastify";
import { keptStatus } from "../device-status.ts";
import type { Marking } from "../marks.ts";
import { takeTurn } from "../push.ts";
import type { SessionServices } from "../session-services.ts";
import { deviceOf } from "./http-sync.ts";
import { parseBody } from "./request.ts";

export function addStatusDoor(app: FastifyInstance, services: SessionServices): void {
  const { feed, marks, runtime, status } = services;
  app.post("/api/sync/status", async (request): Promise<Marking> => {
    const device = await deviceOf(services, request);
    const told = parseBody(httpStatusSchema, request.body);
    takeTurn(services, device);
    const kept = keptStatus(told.status, runtime.now());
    status.seen(device, { cursor: told.status.cursor, app: told.app, status: { ...kept, online: true } });
    // A status that comes late must outdate no mark that was given since; so none is given to who keeps none.
    if (told.mark === undefined) return {};
    const place = told.syncToken === null ? null : await feed.locate(device.storeId, told.syncToken);
    return marks.present(device, told.mark, place !== null && place.reset === null);
  });
}
