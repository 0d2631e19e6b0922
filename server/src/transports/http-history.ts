/** History of a record: for devices of its store, and for the administrator. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { collectionNameSchema, idSchema } from "@tillwire/protocol/messages";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Admin } from "../admin.ts";
import type { History } from "../history.ts";
import { takeTurn } from "../push.ts";
import type { SessionServices } from "../session-services.ts";
import { deviceOf } from "./http-sync.ts";
import { bearerToken, checked, queryNumber, queryValue } from "./request.ts";

interface HistoryDoor {
  readonly services: SessionServices;
  readonly admin: Admin;
  readonly history: History;
}

export function addHistoryDoor(app: FastifyInstance, door: HistoryDoor): void {
  app.get<{ Params: { collection: string; localId: string } }>(
    "/api/records/:collection/:localId/history",
    async (request, reply) => {
      const storeId = await storeOf(door, request);
      const text = await door.history.read({
        storeId,
        collection: checked("collection", request.params.collection, collectionNameSchema),
        localId: checked("localId", request.params.localId, idSchema),
        before: queryNumber(request, "before"),
        limit: queryNumber(request, "limit"),
      });
      return reply.type("application/json").send(text);
    },
  );
}

/** A device sees its own store, whatever its role; the administrator any. */
async function storeOf({ services, admin }: HistoryDoor, request: FastifyRequest): Promise<string> {
  const named = queryValue(request, "storeId");
  if (admin.isToken(bearerToken(request))) return (await admin.storeOf(named ?? undefined)).storeId;
  const device = await deviceOf(services, request).catch((error: unknown) => {
    // It may have been a guess at the administrator's token, which is slowed here as well.
    if (error instanceof ReplicationError && error.code === "UNAUTHENTICATED")
      admin.check(bearerToken(request), request.ip);
    throw error;
  });
  takeTurn(services, device);
  if (named !== null && named !== device.storeId) throw new ReplicationError("FORBIDDEN", "storeId is not the token's");
  return device.storeId;
}
