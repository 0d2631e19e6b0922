/** Enrolment, which anybody with a code may use, and administration, which needs the admin token. */
import {
  collectionNameSchema,
  conflictKindSchema,
  enrolmentRequestSchema,
  enrolRequestSchema,
  idSchema,
  labelSchema,
  policiesRequestSchema,
  policySchema,
} from "@tillwire/protocol/messages";
import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod/mini";
import type { Admin } from "../admin.ts";
import type { Enrolments } from "../enrolment.ts";
import { bearerToken, checked, parseBody, queryChecked, queryNumber, queryValue } from "./request.ts";

const newStoreSchema = z.object({ name: labelSchema(100).check(z.minLength(1)) });
const newEnrolmentSchema = z.object({ ...enrolmentRequestSchema.shape, storeId: z.optional(idSchema) });
const newEpochSchema = z.object({ reoffer: z.optional(z.boolean()), storeId: z.optional(idSchema) });

/** Conflicts, or entries of the audit trail. */
const DEFAULT_PAGE = 50;

const statusSchema = z.enum(["open", "settled"]);
const actionSchema = z.string().check(z.regex(/^[a-z.-]{1,64}$/));
const searchSchema = z.string().check(z.maxLength(100), z.regex(/^\P{Cc}*$/u));

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
    await admin.revoke(checked("id", request.params.id, idSchema), storeId(request));
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: string } }>("/api/admin/devices/:id/copied", async (request, reply) => {
    check(request);
    await admin.clearCopied(checked("id", request.params.id, idSchema), storeId(request));
    return reply.code(204).send();
  });
  app.post("/api/admin/epoch", async (request) => {
    check(request);
    const body = parseBody(newEpochSchema, request.body);
    return admin.beginEpoch(body.reoffer ?? true, body.storeId);
  });
  app.get("/api/admin/conflicts", async (request) => {
    check(request);
    const limit = queryNumber(request, "limit") ?? DEFAULT_PAGE;
    return admin.listConflicts(conflictFilter(request), queryNumber(request, "before"), limit, storeId(request));
  });
  app.get("/api/admin/policies", async (request) => {
    check(request);
    return admin.readPolicies(storeId(request));
  });
  app.put("/api/admin/policies", async (request) => {
    check(request);
    const body = parseBody(policiesRequestSchema, request.body);
    return admin.setPolicies(body.policies, body.storeId);
  });
  app.get("/api/admin/audit", async (request) => {
    check(request);
    const query = {
      before: queryNumber(request, "before"),
      limit: queryNumber(request, "limit") ?? DEFAULT_PAGE,
      action: queryChecked(request, "action", actionSchema),
    };
    return admin.listAudit(query, storeId(request));
  });
}

function conflictFilter(request: FastifyRequest): Parameters<Admin["listConflicts"]>[0] {
  return {
    status: queryChecked(request, "status", statusSchema),
    collection: queryChecked(request, "collection", collectionNameSchema),
    recordId: queryChecked(request, "recordId", idSchema),
    deviceId: queryChecked(request, "deviceId", idSchema),
    kind: queryChecked(request, "kind", conflictKindSchema),
    policy: queryChecked(request, "policy", policySchema),
    text: queryChecked(request, "q", searchSchema),
  };
}
