import { describe, expect, it } from "vitest";
import type { Fetch } from "./environment.ts";
import { enrol, forgetIdentity, loadIdentity, saveIdentity } from "./enrol.ts";
import { identityOf, notes, world } from "../test/fixtures.ts";

const answering =
  (status: number, body: unknown, asked: string[] = []): Fetch =>
  async (url, init) => {
    asked.push(`${init.method} ${url} ${init.body}`);
    return { status, headers: { get: () => null }, text: async () => JSON.stringify(body) };
  };

describe("enrol", () => {
  it("exchanges a code for an identity, which is kept only when it is saved", async () => {
    const w = world();
    const asked: string[] = [];
    const env = w.host("a", { fetch: answering(200, identityOf("a"), asked) });
    const identity = await enrol("http://shop.test", "ABCD2345", "a", env);
    expect(asked).toEqual(['POST http://shop.test/api/enrol {"code":"ABCD2345","deviceId":"a"}']);
    expect(await loadIdentity(env)).toBeNull();
    await saveIdentity(identity, env);
    expect(await loadIdentity(env)).toEqual(identityOf("a"));
  });

  it("a used code is refused with the server's code", async () => {
    const env = world().host("a", { fetch: answering(422, { code: "CODE_INVALID" }) });
    await expect(enrol("http://shop.test", "x", undefined, env)).rejects.toMatchObject({ code: "CODE_INVALID" });
  });

  it("forgetting is refused while anything is unsent, and so is becoming another store's device", async () => {
    const w = world();
    w.server.liveUp = w.server.httpUp = false;
    const env = w.host("a");
    await saveIdentity(identityOf("a"), env);
    const replica = await w.open("a", {}, env);
    await replica.collection(notes).put({ id: "n1", text: "unsent" });
    await replica.close();
    await expect(forgetIdentity(env)).rejects.toMatchObject({ name: "UnsentWrites", count: 1 });
    await expect(saveIdentity({ ...identityOf("a"), storeId: "other" }, env)).rejects.toMatchObject({
      name: "UnsentWrites",
    });
    await saveIdentity({ ...identityOf("a"), token: "renewed" }, env);
    w.server.liveUp = true;
    const again = await w.open("a", {}, env);
    await w.time.until(() => w.server.records.size === 1);
    await w.time.advance(100);
    await again.close();
    await forgetIdentity(env);
    expect(await loadIdentity(env)).toBeNull();
  });
});
