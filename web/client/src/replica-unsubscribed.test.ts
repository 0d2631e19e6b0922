/** Collections that a replica may write and does not keep. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { latest, notes, noteWrite, world, type World } from "../test/fixtures.ts";

let w: World;
let replica: Replica;

beforeEach(async () => {
  w = world();
  replica = await w.open("a", { subscribe: ["entries", "conflicts"] });
});
afterEach(() => replica.close());

async function drained(): Promise<void> {
  const stats = latest(replica.stats$);
  await w.time.until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
}
function sentBases(): unknown[] {
  return w.server.pushes.flatMap(({ writes }) => writes.map(({ base }) => base));
}

it("S6 what is put there is a new record, and a change of the value that it names", async () => {
  const made = await replica.collection(notes).put({ id: "n1", text: "one" });
  await drained();
  await replica.collection(notes).put({ id: "n1", text: "two" }, { readAt: made.readAt });
  await drained();
  expect(sentBases()).toEqual([{ version: 0, hash: null }, made.readAt]);
  expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 2, data: { text: "two" } });
  expect(latest(replica.conflicts$).value ?? []).toEqual([]);
});

it("S8 a deletion there names the value that it deletes, or is refused: it never does nothing", async () => {
  const { syncVersion, hash } = w.server.put("b", noteWrite("n1", "of another", 4, null));
  await expect(replica.collection(notes).delete("n1")).rejects.toMatchObject({ code: "WRITE_MALFORMED" });
  await replica.collection(notes).delete("n1", { readAt: { version: syncVersion, hash } });
  await drained();
  expect(w.server.records.get("notes/n1")).toMatchObject({ syncVersion: 5, deleted: true });
});

it("a deletion behind a write that waits needs no more than that", async () => {
  w.server.liveUp = w.server.httpUp = false;
  w.server.cutAll();
  await replica.collection(notes).put({ id: "n1", text: "one" });
  await replica.collection(notes).delete("n1");
  expect(JSON.parse(await replica.exportOutbox())).toMatchObject({ rows: [{ op: "delete" }] });
});
