/** What is put to the test: two server processes on one PostgreSQL of their own, two shops, and their devices, each on a cable of its own. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { enrol } from "@tillwire/client/enrol";
import { runningPostmaster } from "@tillwire/server/postmaster";
import postgres from "postgres";
import { startServer, type ServerProcess } from "../../../web/e2e/support/server-process.ts";
import { startFaultProxy } from "../fault-proxy.ts";
import { Coverage } from "../simulator/coverage.ts";
import { Model, type Violated } from "../simulator/model.ts";
import { CrashDevice, TRANSPORTS } from "./device.ts";
import { SmallDisk } from "./small-disk.ts";
import { Testimony } from "./testimony.ts";

const NAMED_POINTS = pathToFileURL(join(import.meta.dirname, "named-points.mjs")).href;
/** To become ready after anything. */
const READY_MS = 90_000;
/** Of every three devices one belongs to the second shop. */
const SHOPS = 2;

export interface CrashShop {
  readonly storeId: string;
  readonly index: number;
  readonly epoch: string;
  readonly testimony: Testimony;
  readonly model: Model;
}

export class Site {
  readonly nodes: ServerProcess[] = [];
  readonly shops: CrashShop[] = [];
  readonly devices: CrashDevice[] = [];
  /** Nodes that were killed on purpose. */
  readonly killed = new Set<ServerProcess>();
  /** Processes that were stopped on purpose. */
  readonly stopped = new Set<number>();
  readonly dataDir = mkdtempSync(join(tmpdir(), "tillwire-crash-"));
  /** Null: PostgreSQL lies on a disk that is not to be filled. */
  #disk: SmallDisk | null = null;
  #enrolled = 0;

  private constructor(private readonly violated: Violated) {
    // PostgreSQL runs as another user where this one is root
    chmodSync(this.dataDir, 0o755);
  }

  /** @param onSmallDisk so that it can be filled */
  static async open(devices: number, onSmallDisk: boolean, violated: Violated): Promise<Site> {
    const site = new Site(violated);
    try {
      if (onSmallDisk) site.#disk = SmallDisk.mount(site.dataDir);
      // The second one adopts the first one's PostgreSQL.
      for (let index = 0; index < 2; index++) {
        const env = { NODE_OPTIONS: `--import ${NAMED_POINTS}`, CRASH_POINT_FILE: site.pointFileOf(index) };
        site.nodes.push(await startServer({ where: site, env }));
      }
      await site.#openShops();
      for (let index = 0; index < devices; index++) await site.addDevice(index % 3 === 2 ? 1 : 0);
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  /** One more device of that shop, on the next transport, at the next node. */
  async addDevice(shopIndex: number): Promise<CrashDevice> {
    const number = (this.#enrolled += 1);
    const name = `d${number}`;
    const { storeId, testimony } = this.shops[shopIndex]!;
    const deviceId = `device-${name}`;
    const { code } = (await this.admin("POST", "/enrolments", { name, role: "register", storeId })) as { code: string };
    const identity = await enrol(this.nodes[0]!.url, code, deviceId);
    const cable = await startFaultProxy(this.#home(number).port);
    const transport = TRANSPORTS[number % TRANSPORTS.length]!;
    const witness = testimony.witness(deviceId);
    const device = await CrashDevice.open({ name, shop: shopIndex, identity, transport, cable, witness });
    this.devices.push(device);
    return device;
  }

  devicesOf(shop: CrashShop): CrashDevice[] {
    return this.devices.filter(({ plan }) => plan.shop === shop.index);
  }

  /** @throws when neither of the nodes answers so */
  async admin(method: string, path: string, body?: object): Promise<unknown> {
    let failure: unknown;
    for (const { url, adminToken } of this.nodes) {
      try {
        const response = await fetch(`${url}/api/admin${path}`, {
          method,
          headers: { authorization: `Bearer ${adminToken}`, ...(body && { "content-type": "application/json" }) },
          ...(body && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(5_000),
        });
        if (response.ok) return response.status === 204 ? null : await response.json();
        failure = new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** @returns false if it cannot be filled */
  fillDisk(): boolean {
    this.#disk?.fill();
    return this.#disk !== null;
  }

  /** Beside the data: PostgreSQL's disk may be full. */
  pointFileOf(node: number): string {
    return `${this.dataDir}.point-${node}`;
  }

  /** pid of PostgreSQL; undefined while it is down. */
  get postmasterPid(): number | undefined {
    return runningPostmaster(join(this.dataDir, "cluster"))?.pid;
  }

  /** Past the servers, over a connection of its own. */
  async query<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const state = readFileSync(join(this.dataDir, "launcher.json"), "utf8");
    const { password, port } = JSON.parse(state) as { password: string; port: number };
    const sql = postgres(`postgres://tillwire:${password}@127.0.0.1:${port}/tillwire`, {
      ...{ max: 1, fetch_types: false, onnotice: () => undefined },
      connection: { application_name: "crash test" },
    });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** Everything works again, and every device is on its own node. */
  async heal(): Promise<void> {
    this.#disk?.drain();
    for (const pid of this.stopped) signal(pid, "SIGCONT");
    this.stopped.clear();
    for (const node of this.nodes) {
      const isDown = this.killed.delete(node) || this.#hasEnded(node);
      if (isDown) await node.start();
    }
    await Promise.all(this.nodes.map((node) => this.#becomesReady(node)));
    for (const device of this.devices) {
      device.cable.retarget(this.#home(Number(device.name.slice(1))).port);
      await device.cable.heal();
    }
  }

  /** @param keepsData for somebody who wants to look into it */
  async close(keepsData = false): Promise<void> {
    this.#disk?.drain();
    await Promise.all(this.devices.map((device) => device.close()));
    for (const pid of this.stopped) signal(pid, "SIGCONT");
    // One after the other: the last one takes PostgreSQL along.
    for (const node of this.nodes) await node.stop();
    const { postmasterPid } = this;
    if (postmasterPid !== undefined) signal(postmasterPid, "SIGQUIT");
    if (keepsData) return;
    this.#disk?.unmount();
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #home(number: number): ServerProcess {
    return this.nodes[number % this.nodes.length]!;
  }

  #hasEnded(node: ServerProcess): boolean {
    try {
      process.kill(node.pid, 0);
      return false;
    } catch {
      this.violated("L1", "a node ended by itself", node.output.slice(-2_000));
      return true;
    }
  }

  async #becomesReady(node: ServerProcess): Promise<void> {
    const deadline = Date.now() + READY_MS;
    while (Date.now() < deadline) {
      const answer = await fetch(`${node.url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      if (answer?.ok) return;
      await delay(50);
    }
    this.violated("L1", `a node was not ready within ${READY_MS} ms`, node.output.slice(-2_000));
  }

  async #openShops(): Promise<void> {
    for (let index = 1; index < SHOPS; index++) await this.admin("POST", "/stores", { name: `Shop ${index}` });
    const stores = await this.query(
      (sql) => sql<{ id: string; epoch: string }[]>`select id, epoch from stores order by created_at`,
    );
    for (const [index, { id, epoch }] of stores.entries()) {
      const model = new Model(this.violated, new Coverage());
      this.shops.push({ storeId: id, index, epoch, testimony: new Testimony(this.violated), model });
    }
  }
}

/** To a process that may be gone. @returns whether it was there */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
