/** A local database that is another device by now: what it sent as the former one the server knows as that one's. */
import { beforeEach, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { identityOf, latest, notes, world, type World } from "../test/fixtures.ts";

let w: World;
let replica: Replica;

beforeEach(async () => {
  w = world();
  replica = await w.open("a");
});

async function drained(): Promise<void> {
  const stats = latest(replica.stats$);
  await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
}
/** The ids that the pushed writes name, by what they say. */
function named(): (string | undefined)[][] {
  return w.server.pushes
    .flatMap(({ writes }) => writes)
    .map(({ data, deviceId }) => [(data as { text: string }).text, deviceId]);
}

it.each(["while it runs", "and started anew"])(
  "S2: what left under a former id is sent again as that device's, where it is enrolled under another one %s",
  async (when) => {
    await drained();
    w.server.dropResults = true;
    await replica.collection(notes).put({ id: "n1", text: "before" });
    await w.time.until(() => named().length > 0);
    if (when === "while it runs") await replica.reauthenticate(identityOf("a2"));
    else {
      await replica.close();
      replica = await w.open("a", { identity: identityOf("a2") });
    }
    w.server.dropResults = false;
    w.server.cutAll();
    await replica.collection(notes).put({ id: "n2", text: "after" });
    await drained();
    await replica.close();
    expect(named()[0]).toEqual(["before", undefined]);
    expect(named().slice(1)).toContainEqual(["before", "a"]);
    expect(named()).toContainEqual(["after", undefined]);
    expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 1, deviceId: "a" });
  },
);

it("S2: what a power cut may have taken the mark from is sent as by who it was then", async () => {
  w.server.liveUp = w.server.httpUp = false;
  w.server.cutAll();
  await replica.collection(notes).put({ id: "n1", text: "before" });
  await replica.close();
  replica = await w.open("a", { identity: identityOf("a2") });
  w.server.liveUp = w.server.httpUp = true;
  await drained();
  await replica.close();
  expect(named()).toContainEqual(["before", "a"]);
});
