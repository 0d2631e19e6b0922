import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runningPostmaster } from "@tillwire/server/postmaster";
import { createTestDatabase, type TestDatabase } from "../../../server/test/support/database.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

let root: string;
let database: TestDatabase;
const servers: ServerProcess[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tillwire-server-"));
  database = await createTestDatabase();
});

afterAll(async () => {
  for (const server of servers) await server.stop();
  await database.drop();
  rmSync(root, { recursive: true, force: true });
});

async function start(where: Parameters<typeof startServer>[0]["where"]): Promise<ServerProcess> {
  const server = await startServer({ where });
  servers.push(server);
  return server;
}

async function enrol({ url, adminToken }: ServerProcess): Promise<number> {
  const response = await fetch(`${url}/api/admin/enrolments`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "Front", role: "register" }),
  });
  return response.status;
}

test("a server on a given database serves, drains with exit code 0, and lives on after a kill", async () => {
  const server = await start({ databaseUrl: database.url });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await enrol(server)).toBeLessThan(300);
  await server.restart("SIGKILL");
  expect(await enrol(server)).toBeLessThan(300);
  expect(await server.stop()).toBe(0);
});

test("a server with a PostgreSQL of its own comes back after a kill, and takes it along when it drains", async () => {
  const dataDir = join(root, "data");
  const server = await start({ dataDir });
  await server.restart("SIGKILL");
  expect(await enrol(server)).toBeLessThan(300);
  expect(await server.stop()).toBe(0);
  for (const cluster of ["cluster", "postgres/cluster"]) {
    expect(runningPostmaster(join(dataDir, cluster))).toBeUndefined();
  }
});
