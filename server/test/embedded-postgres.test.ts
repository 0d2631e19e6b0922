import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { LaunchLock } from "../src/launch-lock.ts";
import { runningPostmaster } from "../src/postmaster.ts";

let root: string;
/** Most tests share one data directory, as to make one takes a second; each finds it stopped and leaves it so. */
let dataDir: string;
let marks = 0;
const started: EmbeddedPostgres[] = [];
const connections: postgres.Sql[] = [];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tillwire-launcher-"));
  chmodSync(root, 0o755);
  dataDir = join(root, "data");
});

afterEach(async () => {
  for (const sql of connections.splice(0)) await sql.end({ timeout: 0 });
  for (const server of started.splice(0)) await server.stop();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  started.push(server);
  return server;
}

function connect(server: EmbeddedPostgres): postgres.Sql {
  // without fetch_types: a connection that breaks while it asks for types is an unhandled rejection
  const sql = postgres(server.url, { max: 2, fetch_types: false, onnotice: () => undefined });
  connections.push(sql);
  return sql;
}

async function writeMark(server: EmbeddedPostgres): Promise<number> {
  const sql = connect(server);
  await sql`create table if not exists marks (mark int)`;
  await sql`insert into marks values (${++marks})`;
  await sql.end();
  return marks;
}

async function readMark(server: EmbeddedPostgres): Promise<unknown> {
  const [row] = await connect(server)`select max(mark) as mark from marks`;
  return row?.mark;
}

/** A process of its own that starts PostgreSQL and then waits to be killed. */
async function startElsewhere(dataDir: string) {
  const source = resolve(import.meta.dirname, "../src/embedded-postgres.ts");
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(source)});
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log() {} });
    process.stdout.write(String(server.pid));`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = (await once(child.stdout, "data")) as [Buffer];
  return { child, postmasterPid: Number(output.toString()) };
}

async function killHard(child: ReturnType<typeof spawn>): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("a first start makes a durable UTF8 database that only the password opens, on the loopback alone", async () => {
  const server = await start(dataDir);
  const sql = connect(server);
  const setting = async (name: string) => (await sql`select current_setting(${name}) as value`)[0]?.value as string;
  expect(await setting("fsync")).toBe("on");
  expect(await setting("full_page_writes")).toBe("on");
  expect(await setting("synchronous_commit")).toBe("on");
  expect(await setting("server_encoding")).toBe("UTF8");
  expect(await setting("listen_addresses")).toBe("127.0.0.1");
  expect(Number(await setting("port"))).toBeLessThan(32768);
  const [database] = await sql`select datlocprovider, datlocale from pg_database where datname = current_database()`;
  expect(database).toMatchObject({ datlocprovider: "b", datlocale: "C.UTF-8" });
  const stranger = postgres(server.url.replace(/:[0-9a-f]+@/, ":wrong@"), { max: 1 });
  await expect(stranger`select 1`).rejects.toMatchObject({ code: "28P01" });
  await stranger.end();
});

test("stop ends the server, and a warm start finds its data at the same address", async () => {
  const first = await start(dataDir);
  const mark = await writeMark(first);
  await first.stop();
  expect(runningPostmaster(join(dataDir, "cluster"))).toBeUndefined();
  const second = await start(dataDir);
  expect(await readMark(second)).toBe(mark);
  expect(second.url).toBe(first.url);
});

test("a server whose launcher was killed is adopted", async () => {
  const { child, postmasterPid } = await startElsewhere(dataDir);
  await killHard(child);
  const server = await start(dataDir);
  expect(server.pid).toBe(postmasterPid);
  await server.stop();
  expect(runningPostmaster(join(dataDir, "cluster"))).toBeUndefined();
});

test("of two processes that use one server, the last to leave stops it", async () => {
  const first = await start(dataDir);
  const second = await start(dataDir);
  expect(second.pid).toBe(first.pid);
  await first.stop();
  await writeMark(second);
  await second.stop();
  expect(runningPostmaster(join(dataDir, "cluster"))).toBeUndefined();
});

test("a server that was killed under its launcher comes back with its data, at the same address", async () => {
  const server = await start(dataDir);
  const mark = await writeMark(server);
  const killed = server.pid;
  process.kill(killed, "SIGKILL");
  await vi.waitFor(async () => expect(await readMark(server)).toBe(mark), { timeout: 20_000 });
  await vi.waitFor(() => expect(server.pid).not.toBe(killed));
});

test("two processes that bring a killed server back at the same moment both go on with it", async () => {
  const onLost = vi.fn();
  for (let i = 0; i < 2; i++) started.push(await startEmbeddedPostgres({ dataDir, log: () => undefined, onLost }));
  const killed = started[0]!.pid;
  process.kill(killed, "SIGKILL");
  await vi.waitFor(() => expect(started.map(({ pid }) => pid)).not.toContain(killed), { timeout: 20_000 });
  expect(started[1]!.pid).toBe(started[0]!.pid);
  expect(onLost).not.toHaveBeenCalled();
});

test("processes that leave while they bring a killed server back leave nothing running", async () => {
  for (let i = 0; i < 2; i++) await start(dataDir);
  const killed = started[0]!.pid;
  process.kill(killed, "SIGKILL");
  await vi.waitFor(() => expect(started.some(({ pid }) => pid !== killed)).toBe(true), {
    timeout: 20_000,
    interval: 1,
  });
  for (const server of started) await server.stop();
  expect(runningPostmaster(join(dataDir, "cluster"))).toBeUndefined();
});

test("who stops a server does not wait for the end of the next one, which somebody starts at once", async () => {
  const server = await start(dataDir);
  const cluster = join(dataDir, "cluster");
  // stands for the next server, so it belongs to the account that owns the cluster
  const { uid, gid } = statSync(cluster);
  const next = spawn("sleep", ["120"], { uid, gid, cwd: "/", stdio: "ignore" });
  const stopped = server.stop();
  await vi.waitFor(() => expect(existsSync(join(cluster, "postmaster.pid"))).toBe(false), {
    timeout: 20_000,
    interval: 1,
  });
  writeFileSync(join(cluster, "postmaster.pid"), `${String(next.pid)}\n${cluster}\n0\n5432\n\n\n\nready\n`);
  await stopped;
  expect(next.exitCode).toBeNull();
  rmSync(join(cluster, "postmaster.pid"));
  await killHard(next);
});

test("a start recovers what a killed launcher and a killed server left behind", async () => {
  const { child, postmasterPid } = await startElsewhere(dataDir);
  await killHard(child);
  const adopted = await start(dataDir);
  const mark = await writeMark(adopted);
  await adopted.stop();
  const again = await startElsewhere(dataDir);
  expect(again.postmasterPid).not.toBe(postmasterPid);
  await killHard(again.child);
  process.kill(again.postmasterPid, "SIGKILL");
  expect(await readMark(await start(dataDir))).toBe(mark);
});

test("a pid file whose number belongs to somebody else now does not stand in the way", async () => {
  const first = await start(dataDir);
  await first.stop();
  const innocent = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  writeFileSync(join(dataDir, "cluster/postmaster.pid"), `${String(innocent.pid)}\n/elsewhere\n0\n5432\n\n\n\nready\n`);
  expect(runningPostmaster(join(dataDir, "cluster"))).toBeUndefined();
  const second = await start(dataDir);
  expect(second.pid).not.toBe(innocent.pid);
  await killHard(innocent);
});

test("why PostgreSQL does not start is told even if the launch lock cannot be given back", async () => {
  const damaged = join(root, "damaged");
  mkdirSync(join(damaged, "cluster"), { recursive: true });
  writeFileSync(join(damaged, "launcher.json"), JSON.stringify({ password: "word", port: 0 }));
  writeFileSync(join(damaged, "cluster/PG_VERSION"), "1\n");
  vi.spyOn(LaunchLock.prototype, "release").mockImplementation(() => {
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  });
  const failure = startEmbeddedPostgres({ dataDir: damaged, log: () => undefined });
  await expect(failure).rejects.toMatchObject({ code: "POSTGRES_START_FAILED" });
});

test("a first start that was interrupted begins anew", async () => {
  const interrupted = join(root, "interrupted");
  mkdirSync(join(interrupted, "cluster.new-1"), { recursive: true });
  writeFileSync(join(interrupted, "cluster.new-1/half"), "");
  await writeMark(await start(interrupted));
  expect(readdirSync(interrupted).sort()).toEqual(["cluster", "launcher.json", "launching", "postgres.log"]);
});

test("two data directories have servers of their own, side by side", async () => {
  const [one, two] = await Promise.all([start(join(root, "one")), start(join(root, "two"))]);
  expect(one.pid).not.toBe(two.pid);
  await Promise.all([writeMark(one), writeMark(two)]);
});

test("data lie where they were asked for even below a directory that is closed to others", async () => {
  const closed = join(root, "closed");
  mkdirSync(closed, { mode: 0o700 });
  const first = await start(join(closed, "data"));
  const mark = await writeMark(first);
  await first.stop();
  expect(await readMark(await start(join(closed, "data")))).toBe(mark);
  expect(readdirSync(join(closed, "data"))).toContain("cluster");
});
