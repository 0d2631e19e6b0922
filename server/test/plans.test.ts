/** How PostgreSQL is to carry out what it is asked. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** By name: what a function is carried out with. */
const settings = () => database.sql<{ name: string; set: string[] }[]>`
  select proname as name, proconfig as set from pg_proc where pronamespace = 'public'::regnamespace and proconfig is not null order by 1`;

test("plans that are held to their indexes are never compiled: that takes seconds, and they take less than a millisecond", async () => {
  const held = (await settings()).filter(({ set }) => set.includes("enable_seqscan=off"));
  expect(held.map(({ name }) => name)).toEqual(["commit_new", "commit_writes", "read_contexts", "stamp_at"]);
  expect(held.filter(({ set }) => !set.includes("jit=off")).map(({ name }) => name)).toEqual([]);
});

test("what commits and looks never sort to find a record: statistics of an empty shop make that look as good as the index", async () => {
  const looks = (await settings()).filter(({ name }) =>
    ["commit_new", "commit_writes", "read_contexts"].includes(name),
  );
  expect(looks).toHaveLength(3);
  expect(looks.filter(({ set }) => !set.includes("enable_sort=off")).map(({ name }) => name)).toEqual([]);
});
