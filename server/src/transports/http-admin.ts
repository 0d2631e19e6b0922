/** Enrolment, which anybody with a code may use, and administration, which needs the admin token. */
import { enrolmentRequestSchema, enrolRequestSchema, idSchema } from "@tillwire/protocol/messages";
import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod/mini";
import type { Admin } from "../admin.ts";
import type { Enrolments } from "../enrolment.ts";
import { bearerToken, parseBody, queryNumber, queryValue } from "./request.ts";

const newStoreSchema = z.object({ name: z.string().check(z.minLength(1), z.maxLength(100)) });
const newEnrolmentSchema = z.object({ ...enrolmentRequestSchema.shape, storeId: z.optional(idSchema) });
const newEpochSchema = z.object({ reoffer: z.optional(z.boolean()), storeId: z.optional(idSchema) });

const CONFLICTS_A_PAGE = 50;

export function addEnrolmentDoor(app: FastifyInstance, enrolments: Enrolments): void {
  app.post("/api/enrol", (request) => enrolments.enrol(parseBody(enrolRequestSchema, request.body), request.ip));
}

export function addAdminDoors(app: FastifyInstance, admin: Admin): void {
  const check = (request: FastifyRequest): void => admin.check(bearerToken(request), request.ip);
  const storeId = (request: FastifyRequest): string | undefined => queryValue(request, "storeId") ?? undefined;

  app.get("/api/admin/stores", async (request) => {
    check(request);
    return { stores: await admin.listStores() };
  });
  app.post("/api/admin/stores", async (request, reply) => {
    check(request);
    const { name } = parseBody(newStoreSchema, request.body);
    return reply.code(201).send(await admin.createStore(name));
  });
  app.post("/api/admin/enrolments", async (request, reply) => {
    check(request);
    const body = parseBody(newEnrolmentSchema, request.body);
    const origin = request.headers.origin ?? `${request.protocol}://${request.host}`;
    return reply.code(201).send(await admin.createEnrolment(body, origin));
  });
  app.get("/api/admin/devices", async (request) => {
    check(request);
    return admin.listDevices(storeId(request));
  });
  app.delete<{ Params: { id: string } }>("/api/admin/devices/:id", async (request, reply) => {
    check(request);
    await admin.revoke(request.params.id, storeId(request));
    return reply.code(204).send();
  });
  app.post("/api/admin/epoch", async (request) => {
    check(request);
    const body = parseBody(newEpochSchema, request.body);
    return admin.beginEpoch(body.reoffer ?? true, body.storeId);
  });
  app.get("/api/admin/conflicts", async (request) => {
    check(request);
    const before = queryNumber(request, "before");
    return admin.listConflicts(before, queryNumber(request, "limit") ?? CONFLICTS_A_PAGE, storeId(request));
  });
}
