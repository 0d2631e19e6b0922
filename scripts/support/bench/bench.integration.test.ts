/** Both programs, as people start them: small, but whole. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../server/test/support/database.ts";
import { startServer, type ServerProcess } from "../../../web/e2e/support/server-process.ts";
import type { Report } from "./report.ts";

const root = resolve(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "tillwire-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function start(
  script: string,
  ...args: string[]
): { child: ChildProcess; ended: Promise<Ended>; says(text: string): Promise<void> } {
  const child = spawn(process.execPath, ["--import", "tsx", `scripts/${script}.ts`, ...args], { cwd: root });
  let output = "";
  const heard = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text: Buffer) => {
      output += text.toString();
      for (const look of heard) look();
    });
  const ended = new Promise<Ended>((settle) => child.on("close", (code) => settle({ code, output })));
  const says = (text: string): Promise<void> =>
    new Promise((settle) => {
      const look = (): void => {
        if (output.includes(text)) settle();
      };
      heard.add(look);
      look();
    });
  return { child, ended, says };
}

const reportOf = (name: string): Report => JSON.parse(readFileSync(join(folder, name), "utf8")) as Report;

describe("npm run bench", () => {
  test("measures against its baselines, and leaves a table, JSON and a page", { timeout: 120_000 }, async () => {
    const { code, output } = await start(
      "bench",
      "--quick",
      "--only",
      "commit-alone",
      "--minutes",
      "6",
      "--out",
      folder,
    ).ended;
    expect(output).toMatch(
      /accept, batches of 100 +[\d,.]+ orders\/s +[\d.]+ x raw batches .* >= 0.5 x raw batches +(met|NOT MET)/,
    );
    expect(code).toBe(0);
    const { entries } = reportOf("full-part-quick.json");
    expect(entries.map(({ name, error }) => ({ name, error }))).toEqual([{ name: "commit-alone", error: undefined }]);
    expect(entries[0]!.figures!.every(({ value }) => value > 0)).toBe(true);
    expect(readFileSync(join(folder, "full-part-quick.html"), "utf8")).toContain("<svg");
  });

  test("an unknown measure or option is told, with the usage", async () => {
    const [measure, option] = await Promise.all([
      start("bench", "--only", "nothing").ended,
      start("bench", "--fast").ended,
    ]);
    expect(measure).toMatchObject({ code: 2, output: expect.stringContaining("no measure is called nothing") });
    expect(option).toMatchObject({ code: 2, output: expect.stringContaining("--fast") });
  });
});

describe("npm run load-test", () => {
  let database: TestDatabase;
  let server: ServerProcess;
  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer({ where: { databaseUrl: database.url } });
  });
  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  function loadTest(...args: string[]) {
    const files = ["--file", join(folder, "devices.json"), "--out", join(folder, "load.html")];
    return start("load-test", "--url", server.url, "--token", server.adminToken, ...files, ...args);
  }

  test("over all links at once, a third away for a while: every acknowledged sale is everywhere once", async () => {
    const args = ["--devices", "4", "--rate", "8", "--duration", "3", "--transport", "mixed", "--scenario", "outage"];
    const { code, output } = await loadTest(...args).ended;
    expect(output).toMatch(/acknowledged sales +24 of 24 +each in the feed once and everywhere once +met/);
    for (const transport of ["ws", "socket.io", "http"])
      expect(output).toContain(`arrived at a device over ${transport}: p99`);
    expect(code).toBe(0);
    expect(readFileSync(join(folder, "load.html"), "utf8")).toContain("<svg");
    const [row] = await database.sql<{ count: number }[]>`select count(*)::int as count from sync_orders`;
    expect(row!.count).toBe(24);
  });

  test("Ctrl-C ends it with what was measured", async () => {
    const { child, ended, says } = loadTest("--devices", "2", "--rate", "20", "--duration", "60");
    await says("devices live 2 of 2");
    child.kill("SIGINT");
    const { code, output } = await ended;
    expect(output).toContain("ended early");
    expect(output).toMatch(/everywhere once +met/);
    expect(code).toBe(0);
  });

  test("wrong options, a server that does not answer, devices that are not let in: each is told", async () => {
    const unreachable = start("load-test", "--url", "http://127.0.0.1:9");
    const wrong = loadTest("--scenario", "party");
    const noToken = start("load-test", "--url", server.url, "--file", join(folder, "none.json"));
    expect(await unreachable.ended).toMatchObject({ code: 1, output: expect.stringContaining("No server answers") });
    expect(await wrong.ended).toMatchObject({ code: 2, output: expect.stringContaining("--scenario is one of rush") });
    expect(await noToken.ended).toMatchObject({ code: 1, output: expect.stringContaining("--token") });
  });
});
