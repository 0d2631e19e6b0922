/** The seed's doors; see seed-door.ts for what they do. */
import { batchRequestSchema, type SeedCollection } from "@tillwire/protocol/batch-api";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { FastifyInstance } from "fastify";
import { takeTurn } from "../push.ts";
import type { SeedDoor } from "../seed-door.ts";
import type { SessionServices } from "../session-services.ts";
import { admission, deviceOf, explainReset } from "./http-sync.ts";
import { parseBody, queryValue, readInTurn } from "./request.ts";

export function addSeedDoors(app: FastifyInstance, services: SessionServices, seed: SeedDoor): void {
  const onRequest = admission(services);
  app.post("/api/sync/batch", { bodyLimit: LIMITS.batchBytes, onRequest }, async (request) => {
    const device = request.device!;
    const body = await readInTurn(services.turns, device, request, (sent) => parseBody(batchRequestSchema, sent));
    return explainReset(services, device, () => seed.batch(device, body, request.id));
  });

  const addItemDoor = (path: string, collection: SeedCollection): void => {
    app.post(path, { bodyLimit: LIMITS.pushBytes, onRequest }, async (request) => {
      const device = request.device!;
      const item = await readInTurn(services.turns, device, request, asItem);
      return explainReset(services, device, () => seed.item(device, collection, item, request.id));
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

function asItem(body: unknown): object {
  if (typeof body !== "object" || body === null) throw new ReplicationError("MALFORMED", "one item is expected");
  return body;
}
