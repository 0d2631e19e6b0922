/** A whole server on a database of its own, and devices that speak to it as any client would. */
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { EnrolResponse, Role } from "@tillwire/protocol/messages";
import type { Logger } from "pino";
import { createSyncServer, type SyncServer, type SyncServerOptions } from "../../src/server.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

export const ADMIN_TOKEN = "admin-token-of-the-tests";

export interface TestServer {
  readonly database: TestDatabase;
  readonly server: SyncServer;
  readonly url: string;
  readonly storeId: string;
  /** Another shop on the same server. */
  openShop(name: string): Promise<string>;
  enrol(options?: { deviceId?: string; role?: Role; storeId?: string }): Promise<EnrolResponse>;
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  request(token: string | null, method: string, path: string, body?: unknown): Promise<Answer>;
  /** Another node on the same database. */
  startNode(options?: Partial<SyncServerOptions>): Promise<SyncServer>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

export async function startTestServer(
  options: Partial<SyncServerOptions> & { log?: Logger } = {},
): Promise<TestServer> {
  const database = await createTestDatabase();
  const nodes: SyncServer[] = [];
  const startNode = async (more: Partial<SyncServerOptions> = {}): Promise<SyncServer> => {
    const node = await createSyncServer({
      databaseUrl: database.url,
      collections: SHOP_COLLECTIONS,
      host: "127.0.0.1",
      adminToken: ADMIN_TOKEN,
      ...options,
      ...more,
    });
    nodes.push(node);
    return node;
  };
  const server = await startNode();
  const admin = (method: string, path: string, body?: unknown): Promise<Answer> =>
    request(server.url, ADMIN_TOKEN, method, path, body);
  const openShop = async (name: string): Promise<string> =>
    (await admin("POST", "/api/admin/stores", { name })).body.storeId;
  const storeId = await openShop("Corner Café");
  return {
    database,
    server,
    url: server.url,
    storeId,
    openShop,
    admin,
    startNode,
    request: (token, method, path, body) => request(server.url, token, method, path, body),
    async enrol({ deviceId, role = "register", storeId: store = storeId } = {}) {
      const { body: made } = await admin("POST", "/api/admin/enrolments", {
        name: deviceId ?? role,
        role,
        storeId: store,
      });
      const { body, status } = await request(server.url, null, "POST", "/api/enrol", { code: made.code, deviceId });
      if (status !== 200) throw new Error(JSON.stringify(body));
      return body;
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.close()));
      await database.drop();
    },
  };
}

export async function request(
  url: string,
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
