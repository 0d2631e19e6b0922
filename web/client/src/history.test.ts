import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { latest, notes, world, type World } from "../test/fixtures.ts";

let w: World;
let a: Replica;
beforeEach(async () => {
  w = world();
  a = await w.open("a");
  const stats = latest(a.stats$);
  for (const text of ["one", "two", "three"]) {
    await a.collection(notes).put({ id: "n1", text });
    await w.time.until(() => stats.value?.pending === 0);
  }
});
afterEach(() => a.close());

/** Virtual time goes on while the request is under way. */
async function asked<T>(answer: Promise<T>, ms = 100): Promise<T> {
  answer.catch(() => undefined);
  await w.time.advance(ms);
  return answer;
}

describe("history", () => {
  it("brings a record's versions page by page, latest first", async () => {
    const first = await asked(a.history("notes", "n1"));
    expect(first.versions.map(({ data }) => data)).toMatchObject([{ text: "three" }, { text: "two" }]);
    const rest = await asked(a.history("notes", "n1", first.nextBefore!));
    expect(rest.versions.map(({ data }) => data)).toMatchObject([{ text: "one" }]);
    expect(rest.nextBefore).toBeNull();
  });

  it("says that there is no such record, that the server can't be reached, that it does not answer in time", async () => {
    await expect(asked(a.history("notes", "none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    w.server.httpUp = false;
    await expect(asked(a.history("notes", "n1"))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const never = await w.open("b", {}, w.host("b", { fetch: (_url, { signal }) => untilAborted(signal!) }));
    await expect(asked(never.history("notes", "n1"), 31_000)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await never.close();
  });

  it("a 401 is told, and no reason to drop a write", async () => {
    w.server.liveUp = false;
    w.server.cutAll();
    await a.collection(notes).put({ id: "n1", text: "four" });
    w.server.httpStatus = 401;
    await expect(asked(a.history("notes", "n1"))).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await a.exportOutbox()).toContain("four");
  });

  it("takes no page of a captive portal for a history", async () => {
    const portal = async () => ({ status: 200, headers: { get: () => null }, text: async () => '{"versions": 1}' });
    const b = await w.open("b", {}, w.host("b", { fetch: portal }));
    await expect(asked(b.history("notes", "n1"))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await b.close();
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
}
