/** The seed's doors; see seed-door.ts for what they do. */
import { batchRequestSchema, type SeedCollection } from "@tillwire/protocol/batch-api";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { FastifyInstance } from "fastify";
import { takeTurn } from "../push.ts";
import type { SeedDoor } from "../seed-door.ts";
import type { SessionServices } from "../session-services.ts";
import { deviceOf, explainReset } from "./http-sync.ts";
import { parseBody, queryValue } from "./request.ts";

export function addSeedDoors(app: FastifyInstance, services: SessionServices, seed: SeedDoor): void {
  app.post("/api/sync/batch", { bodyLimit: LIMITS.batchBytes }, async (request) => {
    const device = await deviceOf(services, request);
    const body = parseBody(batchRequestSchema, request.body);
    takeTurn(services, device);
    return explainReset(services, device, () => seed.batch(device, body, request.id));
  });

  const addItemDoor = (path: string, collection: SeedCollection): void => {
    app.post(path, { bodyLimit: LIMITS.pushBytes }, async (request) => {
      const device = await deviceOf(services, request);
      if (typeof request.body !== "object" || request.body === null)
        throw new ReplicationError("MALFORMED", "one item is expected");
      takeTurn(services, device);
      return explainReset(services, device, () => seed.item(device, collection, request.body, request.id));
    });
  };
  addItemDoor("/api/sync/order", "orders");
  addItemDoor("/api/sync/transaction", "transactions");

  app.get("/api/sync/updates", async (request) => {
    const device = await deviceOf(services, request);
    const deviceId = queryValue(request, "deviceId");
    if (deviceId !== null && deviceId !== device.deviceId)
      throw new ReplicationError("FORBIDDEN", "deviceId is not the token's");
    takeTurn(services, device);
    return explainReset(services, device, () => seed.updates(device, queryValue(request, "since")));
  });
}
