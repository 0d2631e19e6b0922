/**
 * Once per run of the integration and e2e tests: one PostgreSQL (embedded, or the one that DATABASE_URL names) and a
 * migrated template in it, from which createTestDatabase clones.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";

const migrations = resolve(import.meta.dirname, "../../../migrations");
const prefix = "tillwire-test-";

let finish = (): Promise<void> => Promise.resolve();

export const teardown = (): Promise<void> => finish();

export async function setup(project: TestProject): Promise<void> {
  const external = process.env["DATABASE_URL"]?.replace(/^jdbc:/, "");
  const server = external ? { url: external, stop: async () => undefined } : await startInTemporaryDirectory();
  const templateDatabase = `tillwire_template_${String(process.pid)}_${project.name}`;
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined });
  await admin`drop database if exists ${admin(templateDatabase)}`;
  await admin`create database ${admin(templateDatabase)}`;
  const url = new URL(server.url);
  url.pathname = templateDatabase;
  const template = postgres(url.href, { max: 1, onnotice: () => undefined });
  await migrate(template, migrations);
  await template.end();
  project.provide("adminUrl", server.url);
  project.provide("templateDatabase", templateDatabase);
  finish = async () => {
    await admin`drop database if exists ${admin(templateDatabase)} with (force)`;
    await admin.end();
    await server.stop();
  };
}

async function startInTemporaryDirectory() {
  await sweepUpAfterKilledRuns();
  const dataDir = mkdtempSync(join(tmpdir(), `${prefix}${String(process.pid)}-`));
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A run that was killed leaves its PostgreSQL running, as it must; the next one tidies up. */
async function sweepUpAfterKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^tillwire-test-(\d+)-/.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    const dataDir = join(tmpdir(), name);
    try {
      const server = await startEmbeddedPostgres({ dataDir, log: () => undefined });
      await server.stop();
    } catch {
      // half made, or another user's: there is nothing to stop
    }
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
