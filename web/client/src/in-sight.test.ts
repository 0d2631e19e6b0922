import { afterEach, expect, test } from "vitest";
import type { InSight, Replica } from "./api.ts";
import { latest, notes, world, type Note } from "../test/fixtures.ts";

const opened: Replica[] = [];
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

test("what is out of sight leaves the memory, comes back when it changes, and is missed by no digest", async () => {
  const w = world();
  const unpaid: InSight = (records) => records.filter(({ data }) => !(data as Note).paid);
  const inSight = { notes: unpaid };
  const board = await w.open("board", { inSight });
  const till = await w.open("till");
  opened.push(board, till);
  const seen = latest(board.collection(notes).records$);
  const stats = latest(board.stats$);
  const shown = () => seen.value?.map(({ localId, data }) => `${localId} ${data.text}`);
  await till.collection(notes).put({ id: "n1", text: "tea" });
  await till.collection(notes).put({ id: "n2", text: "milk" });
  await w.time.until(() => seen.value?.length === 2);
  await till.collection(notes).put({ id: "n1", text: "tea", paid: true });
  await w.time.until(() => seen.value?.length === 1);
  expect(await board.collection(notes).get("n1")).toBeUndefined();
  expect(shown()).toEqual(["n2 milk"]);
  // by its own hand: out of sight only when the server has it
  const saved = board.collection(notes).put({ id: "n2", text: "milk", paid: true });
  await w.time.until(() => seen.value?.[0]?.data.paid === true);
  expect((await saved).sync).not.toBe("synced");
  await w.time.until(() => seen.value?.length === 0);
  await w.time.until(() => stats.value?.digestsEqual === true && stats.value.pending === 0);
  // a new start forgets likewise
  await board.close();
  const again = await w.open("board", { inSight });
  opened.splice(opened.indexOf(board), 1, again);
  expect(await again.collection(notes).query()).toEqual([]);
  await again.collection(notes).put({ id: "n1", text: "tea again", paid: true });
  expect((await again.collection(notes).get("n1"))?.data.text).toBe("tea again");
});
