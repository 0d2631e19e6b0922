/** Processes that share one data directory, and what becomes of it when they all do the same thing at the same moment. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { runningPostmaster } from "../src/postmaster.ts";

const KILLS = 6;
const SOURCE = resolve(import.meta.dirname, "../src/embedded-postgres.ts");
/** Clients that ask for a connection all the time, as pools do, and fill PostgreSQL's log while it recovers. */
const CROWD = 3;
/** Says what it has come to, one JSON line each, and then lives until its standard input ends. */
const PROGRAM = `
  const { startEmbeddedPostgres } = await import(${JSON.stringify(SOURCE)});
  const say = (line) => process.stdout.write(JSON.stringify(line) + "\\n");
  const onLost = (error) => say({ lost: String(error) });
  const server = await startEmbeddedPostgres({ dataDir: process.argv[1], log: (text) => say({ text }), onLost });
  say({ url: server.url, pid: server.pid });
  process.stdin.on("end", () => server.stop().then(() => process.exit(0))).resume();`;

interface Line {
  readonly url?: string;
  readonly pid?: number;
  readonly text?: string;
  readonly lost?: string;
}

let root: string;
const nodes: Node[] = [];

class Node {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];

  constructor(dataDir: string) {
    const options = ["--import", "tsx", "--input-type=module", "-e", PROGRAM, dataDir];
    this.child = spawn(process.execPath, options, { stdio: ["pipe", "pipe", "inherit"] });
    let rest = "";
    this.child.stdout!.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.lines.push(JSON.parse(line) as Line);
    });
  }

  async opened(): Promise<{ url: string; pid: number }> {
    const find = () => this.lines.find(({ url }) => url !== undefined);
    await vi.waitFor(() => expect(find() ?? this.child.exitCode).toBeTruthy(), { timeout: 60_000 });
    return find() as { url: string; pid: number };
  }

  get revivals(): number {
    return this.lines.filter(({ text }) => text === "PostgreSQL is there again").length;
  }

  get losses(): readonly Line[] {
    return this.lines.filter(({ lost }) => lost !== undefined);
  }

  async leave(): Promise<void> {
    const ended = this.child.exitCode === null && this.child.signalCode === null ? once(this.child, "exit") : null;
    this.child.kill("SIGCONT");
    this.child.stdin!.end();
    await ended;
  }
}

function open(dataDir: string): Node {
  const node = new Node(dataDir);
  nodes.push(node);
  return node;
}

async function pester(url: string, abort: AbortSignal): Promise<void> {
  while (!abort.aborted) {
    const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined });
    await sql`select 1`.catch(() => undefined);
    await sql.end({ timeout: 0 });
  }
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tillwire-launchers-"));
  chmodSync(root, 0o755);
});

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.leave();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

test("three processes that start a new database at the same moment all find the same one", async () => {
  const dataDir = join(root, "new");
  const opened = await Promise.all([1, 2, 3].map(() => open(dataDir).opened()));
  expect(new Set(opened.map(({ url, pid }) => `${url} ${pid}`)).size).toBe(1);
  const sql = postgres(opened[0]!.url, { max: 1, fetch_types: false });
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  await sql.end();
}, 90_000);

test(`three processes bring a server back ${KILLS} times that is killed under all of them`, async () => {
  const dataDir = join(root, "killed");
  const cluster = join(dataDir, "cluster");
  const first = open(dataDir);
  const { url } = await first.opened();
  const three = [first, open(dataDir), open(dataDir)];
  for (const node of three) await node.opened();
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined });
  await sql`create table marks (mark int)`;
  const crowd = new AbortController();
  const clients = Array.from({ length: CROWD }, () => pester(url, crowd.signal));
  for (let kill = 1; kill <= KILLS; kill++) {
    await sql`insert into marks values (${kill})`;
    process.kill(runningPostmaster(cluster)!.pid, "SIGKILL");
    await vi.waitFor(() => expect(three.map(({ revivals }) => revivals)).toEqual([kill, kill, kill]), {
      timeout: 20_000,
    });
    await vi.waitFor(async () => expect((await sql`select count(*)::int as n from marks`)[0]!["n"]).toBe(kill));
  }
  expect(three.flatMap(({ losses }) => losses)).toEqual([]);
  crowd.abort();
  await Promise.all([...clients, sql.end()]);
}, 240_000);
