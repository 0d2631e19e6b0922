/** The process: first start, its shop, its summary, and its end. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { until } from "./support/live-client.ts";
import { request } from "./support/server.ts";

const root = resolve(import.meta.dirname, "../..");
let database: TestDatabase | undefined;
const processes: ChildProcess[] = [];
afterEach(async () => {
  for (const each of processes.splice(0)) each.kill("SIGKILL");
  await database?.drop();
  database = undefined;
});

function start(environment: Record<string, string>) {
  const env = {
    ...process.env,
    SERVER_HOST: "127.0.0.1",
    SERVER_PORT: "0",
    LOG_LEVEL: "silent",
    ADMIN_TOKEN: "",
    ...environment,
  };
  const child = spawn(process.execPath, ["--import", "tsx", "server/src/main.ts"], { cwd: root, env });
  processes.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((done) => child.on("exit", done));
  return { child, exited, output: () => output };
}

test("a first start opens a shop with a catalogue, says how to begin, and ends with 0", async () => {
  database = await createTestDatabase();
  const first = start({ DATABASE_URL: `jdbc:${database.url}` });
  await until(() => first.output().includes("Ctrl-C"));
  const url = /ready:\s+(\S+)/.exec(first.output())![1]!;
  const code = /#enrol=(\w+)/.exec(first.output())![1]!;
  const adminToken = /shown this once:\s+(\S+)/.exec(first.output())![1]!;
  const { body: device } = await request(url, null, "POST", "/api/enrol", { code });
  expect(device).toMatchObject({ storeName: "Corner Café", registerCode: "A1", role: "register" });
  const { body: feed } = await request(url, device.token, "GET", "/api/sync/pull");
  const names = feed.changes.map(({ collection }: any) => collection);
  expect(names.filter((name: string) => name === "products")).toHaveLength(40);
  expect(new Set(names)).toEqual(new Set(["settings", "staff", "products"]));
  expect(feed.changes.find(({ collection }: any) => collection === "settings").localId).toBe("shop");
  for (const { collection, data } of feed.changes)
    if (collection === "products") expect(data.taxRate).toBeGreaterThan(0);
  expect((await request(url, adminToken, "GET", "/api/admin/devices")).body.devices).toHaveLength(1);
  first.child.kill("SIGTERM");
  expect(await first.exited).toBe(0);

  const second = start({ DATABASE_URL: database.url });
  await until(() => second.output().includes("Ctrl-C"));
  expect(second.output()).not.toMatch(/Admin token|#enrol/);
  // As browsers do: a connection opened ahead of need, on which nothing was ever asked. It must not hold up the end.
  const early = connect(Number(new URL(/ready:\s+(\S+)/.exec(second.output())![1]!).port), "127.0.0.1");
  early.on("error", () => undefined);
  await once(early, "connect");
  second.child.kill("SIGINT");
  expect(await second.exited).toBe(0);
});

test("what is wrong is said in a sentence, and the exit code is 1", async () => {
  const misset = start({ SERVER_PORT: "eighty", DATABASE_URL: "" });
  expect(await misset.exited).toBe(1);
  expect(misset.output()).toContain("SERVER_PORT");
  const nowhere = start({ DATABASE_URL: "postgresql://127.0.0.1:9/none" });
  expect(await nowhere.exited).toBe(1);
  expect(nowhere.output()).toContain("does not answer");
});
