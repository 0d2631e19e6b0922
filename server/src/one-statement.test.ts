/** What the database is asked in one statement each, by the sources themselves: traps 1 and 3 of those that others fell into. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SOURCES = import.meta.dirname;
const MIGRATIONS = resolve(SOURCES, "../../migrations");

function textsOf(directory: string, ending: RegExp, but: RegExp): [string, string][] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name) && !but.test(name))
    .map((name) => [name, readFileSync(join(directory, name), "utf8")]);
}

// Those two work while nobody is served, on a connection that is theirs alone.
test("S2: no write path opens a tx and talks in it: when its backend dies, the rest would run outside it, or in another's", () => {
  const sources = textsOf(SOURCES, /\.ts$/, /\.test\.ts$|^(backup|migrate\.ts)/);
  expect(sources.length).toBeGreaterThan(80);
  const talkative = sources.filter(([, text]) => /\bsql\.(begin|savepoint|reserve)\b|\.begin\(/.test(text));
  expect(talkative.map(([name]) => name)).toEqual([]);
});

test("nothing notifies within a commit: that takes a lock which all shops share", () => {
  const migrations = textsOf(MIGRATIONS, /\.sql$/, /^$/);
  expect(migrations.length).toBeGreaterThan(7);
  expect(migrations.filter(([, text]) => /\b(pg_)?notify\b/i.test(text)).map(([name]) => name)).toEqual([]);
});

test("S4: seqs are counted in the store's row: sequences would commit out of order", () => {
  const [, first] = textsOf(MIGRATIONS, /^0001_.*\.sql$/, /^$/)[0]!;
  const tables = first.split(/create table /i).slice(1);
  const counted = tables.filter((table) => /^(records|record_history|stores)\b/.test(table));
  expect(counted).toHaveLength(3);
  for (const table of counted) expect(table.slice(0, table.indexOf(";"))).not.toMatch(/serial|generated|nextval/i);
});
