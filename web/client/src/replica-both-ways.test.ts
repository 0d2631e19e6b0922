/** What goes up and what comes down wait for nobody but themselves (trap 13). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { latest, notes, noteWrite, textOf, world, type World } from "../test/fixtures.ts";

let w: World;
let replica: Replica;
beforeEach(async () => {
  w = world();
  replica = await w.open("a");
  const link = latest(replica.link$);
  await w.time.until(() => link.value?.state === "live");
});
afterEach(() => replica.close());

const others = (id: string, text: string) => {
  w.server.put("b", noteWrite(id, text, 1, { version: 0, hash: null }));
  w.server.publish();
};

describe("S5: what others write comes in, and hides nothing that is not sent", () => {
  it("while pushes are not answered", async () => {
    w.server.dropResults = w.server.dropFrames = true;
    await replica.collection(notes).put({ id: "n1", text: "own" });
    await w.time.until(() => w.server.pushes.length === 1);
    w.server.dropFrames = false;
    others("n2", "of another");
    await w.time.advance(1_000);
    expect([await textOf(replica, "n2"), await textOf(replica, "n1")]).toEqual(["of another", "own"]);
    const stats = latest(replica.stats$);
    await w.time.until(() => stats.value !== undefined);
    expect(stats.value).toMatchObject({ pending: 1, digestsEqual: true });
  });

  it("while a write is rejected and nobody has looked at it", async () => {
    w.server.reject = ({ localId }) => (localId === "n1" ? { code: "GUARD", message: "no" } : null);
    await replica.collection(notes).put({ id: "n1", text: "own" });
    await w.time.advance(1_000);
    others("n1", "of another");
    others("n2", "of another");
    await w.time.advance(1_000);
    expect(await replica.collection(notes).get("n1")).toMatchObject({ data: { text: "own" }, sync: "attention" });
    expect(await textOf(replica, "n2")).toBe("of another");
    expect(latest(replica.link$).value?.state).toBe("live");
  });
});

it("L2: what is written goes up while what others wrote has not come down", async () => {
  w.server.dropFrames = true;
  others("n2", "of another");
  await replica.collection(notes).put({ id: "own", text: "own" });
  await w.time.until(() => w.server.records.has("notes/own"), 1_000);
  expect(await textOf(replica, "n2")).toBeUndefined();
});
