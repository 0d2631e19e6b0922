/** A shop with two registers on a server with two nodes, as its administrator sees it. */
import type { EnrolResponse, Result } from "@tillwire/protocol/messages";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { SyncServer } from "../../src/server.ts";
import { request, startTestServer, type Answer, type TestServer } from "./server.ts";
import { at, order, put } from "./shop-fixture.ts";

export class AdminShop {
  constructor(
    readonly shop: TestServer,
    readonly other: SyncServer,
    readonly storeId: string,
    readonly a: EnrolResponse,
    readonly b: EnrolResponse,
  ) {}

  async pushTo(url: string, token: string, ...writes: object[]): Promise<Result[]> {
    const { syncToken } = (await request(url, token, "GET", "/api/sync/pull?limit=1")).body;
    const { body } = await request(url, token, "POST", "/api/sync/push", { id: "p", syncToken, writes });
    return body.results;
  }
  push(token: string, ...writes: object[]): Promise<Result[]> {
    return this.pushTo(this.shop.url, token, ...writes);
  }
  inStore(path: string, store = this.storeId): string {
    return `/api/admin/${path}${path.includes("?") ? "&" : "?"}storeId=${store}`;
  }
  async read(path: string, store = this.storeId): Promise<any> {
    return (await this.shop.admin("GET", this.inStore(path, store))).body;
  }
  setPolicies(policies: object, store = this.storeId): Promise<Answer> {
    return this.shop.admin("PUT", "/api/admin/policies", { policies, storeId: store });
  }

  /** An order that a device changes on a base that another one has replaced meanwhile. */
  async clash(id: string, loser: EnrolResponse, more: object = {}, url = this.shop.url): Promise<Result> {
    const winner = loser === this.a ? this.b : this.a;
    const [made] = await this.push(winner.token, put("orders", id, order(id, { notes: "made" })));
    await this.push(winner.token, put("orders", id, order(id, { notes: "server" }), 2, at(made!)));
    const late = put("orders", id, order(id, { notes: "client", ...more }), 2, at(made!));
    return (await this.pushTo(url, loser.token, late))[0]!;
  }
}

/** A server for the file, a shop on it for each test. */
export function openAdminShopForEachTest(opened: (here: AdminShop) => void): void {
  let server: TestServer;
  let other: SyncServer;
  beforeAll(async () => {
    server = await startTestServer();
    other = await server.startNode();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const storeId = await server.openShop("a shop of its own");
    const a = await server.enrol({ storeId, deviceId: "till-a" });
    const b = await server.enrol({ storeId, deviceId: "till-b" });
    opened(new AdminShop(server, other, storeId, a, b));
  });
}
