import { afterEach, expect, test } from "vitest";
import type { Replica } from "./api.ts";
import { latest, notes, world } from "../test/fixtures.ts";

const opened: Replica[] = [];
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

test("what was deleted is listed with who did it and when, until it is there again", async () => {
  const w = world();
  const [a, b] = [await w.open("a"), await w.open("b")];
  opened.push(a, b);
  const [gone, seen] = [latest(b.collection(notes).deleted$), latest(b.collection(notes).records$)];
  await a.collection(notes).put({ id: "n1", text: "tea" });
  await a.collection(notes).put({ id: "n2", text: "milk" });
  await w.time.until(() => seen.value?.length === 2);
  expect(gone.value).toEqual([]);
  await a.collection(notes).delete("n1");
  await w.time.until(() => gone.value?.length === 1);
  const { deviceId } = a.identity;
  expect(gone.value).toMatchObject([{ localId: "n1", deviceId }]);
  expect(gone.value?.[0]?.deletedAt).toBeGreaterThan(0);
  // the device that deleted it lists it too, as soon as the server has it
  const own = latest(a.collection(notes).deleted$);
  await w.time.until(() => own.value?.length === 1);
  // brought back here, and seen so before the server knows
  w.server.liveUp = w.server.httpUp = false;
  await b.collection(notes).put({ id: "n1", text: "tea again" });
  await w.time.until(() => gone.value?.length === 0);
});
