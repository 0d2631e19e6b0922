/** One run's world: the database, its nodes, the machines, and what is known of them. */
import type { Identity } from "@tillwire/client/api";
import { hashOf } from "@tillwire/protocol/hash";
import type { ConflictPolicy, Result, Write } from "@tillwire/protocol/messages";
import type { Database } from "@tillwire/server/store/database";
import type { MemoryShop } from "@tillwire/server/store/memory-database";
import { checkAtHead } from "./checks.ts";
import { Coverage } from "./coverage.ts";
import { machineFault, shopFault } from "./faults.ts";
import { Machine } from "./machine.ts";
import { Model, type Violation } from "./model.ts";
import { Person } from "./people.ts";
import { DEEDS, MACHINE_FAULTS, type MachinePlan, type Plan, type Step } from "./plan.ts";
import { Random } from "./random.ts";
import { COLLECTIONS, STOCK, stock } from "./shop.ts";
import { Schedule, START_MS } from "./schedule.ts";
import { SeedDevice } from "./seed-device.ts";
import { ServerNode } from "./server-node.ts";
import type { Recording } from "./replay/recording.ts";
import { Restores } from "./restores.ts";
import { SimulatedDatabase, type DatabaseEvents } from "./simulated-database.ts";
import { Stranger } from "./stranger.ts";
import { Trace } from "./trace.ts";
import { Wire } from "./wire.ts";

const DEED_TYPES = new Set<string>(DEEDS);
const MACHINE_FAULT_TYPES = new Set<string>(MACHINE_FAULTS);
const COPY_EVERY_MS = 7_000;
const LOOK_EVERY_MS = 2_000;

export class World {
  readonly schedule = new Schedule();
  readonly coverage = new Coverage();
  readonly violations: Violation[] = [];
  readonly trace: Trace;
  readonly random: Random;
  readonly model: Model;
  readonly database: SimulatedDatabase;
  readonly nodes: readonly ServerNode[];
  readonly machines: Machine[] = [];
  readonly seedDevices = new Map<Machine, SeedDevice>();
  readonly stranger: Stranger;
  readonly wire: Wire;
  readonly restores: Restores;
  /** Machines whose identity was revoked for good. */
  readonly retired = new Set<Machine>();
  isClosed = false;
  readonly collections = [...COLLECTIONS.values()];
  #enrolments = 0;
  /** Who needs no node to turn to the database. */
  readonly #operator: Database;
  readonly #looked = new Map<Machine, unknown>();

  constructor(
    readonly plan: Plan,
    keepsTrace: boolean,
    recording: Recording | null = null,
  ) {
    const { schedule } = this;
    this.random = new Random(plan.seed, "world");
    this.trace = new Trace(() => schedule.now, START_MS, keepsTrace);
    this.model = new Model((...what) => this.violated(...what), this.coverage);
    const events: DatabaseEvents = {
      committed: (storeId, writes, result) => {
        this.trace.add("commit", `${storeId} ${result.headBefore}..${result.headAfter} of ${writes.length}`);
        this.model.committed(this.database.memory.shops.get(storeId)!, writes, result);
      },
      restored: () => this.model.restored(this.database.memory.shops.values()),
    };
    const random = this.random.stream("database");
    this.database = new SimulatedDatabase(schedule, random, plan.databaseMs, events, recording);
    this.#operator = this.database.servicesFor(this.database.boardFor(this, { isOver: false }));
    this.restores = new Restores(this, this.#operator);
    this.stranger = new Stranger(schedule, this.random.stream("stranger"), this.coverage);
    this.wire = new Wire(this);
    this.nodes = Array.from({ length: plan.nodes }, (_, i) => this.#newNode(i));
    for (const each of plan.machines) this.#newMachine(each);
  }

  violated(invariant: string, what: string, details?: unknown): void {
    if (this.violations.length > 0) return;
    this.trace.add("VIOLATION", `${invariant} ${what}`);
    this.violations.push({ invariant, what, details, at: this.schedule.now - START_MS });
  }

  shopOf(machine: Machine): MemoryShop {
    return this.database.memory.shops.get(`shop-${machine.plan.shop}`)!;
  }

  /** A node that answers; undefined: none does. */
  get node(): ServerNode | undefined {
    return this.nodes.find(({ isUp }) => isUp);
  }

  /** Shops, nodes and enrolled devices, without any trouble yet. */
  async open(): Promise<void> {
    const { schedule, plan } = this;
    for (const node of this.nodes) node.start();
    await schedule.runUntil(schedule.now + 2_000, () => this.nodes.every(({ isUp }) => isUp));
    let isOpen = false;
    const opening = this.#openShops().then(() => (isOpen = true));
    await schedule.runUntil(schedule.now + 20_000, () => isOpen);
    await opening;
    const begin = schedule.now;
    for (const machine of this.machines) {
      if (machine.plan.kind === "seed") this.seedDevices.set(machine, new SeedDevice(machine, schedule, this.model));
      for (let i = 0; i < machine.plan.tabs; i++) schedule.after(i * 400, () => machine.openTab());
    }
    for (const step of plan.steps) schedule.after(begin + step.at - schedule.now, () => this.perform(step));
    const isRestored = plan.steps.some(({ type }) => type === "restore" || type === "restore unnoticed");
    if (isRestored) this.#every(COPY_EVERY_MS, () => this.database.keepCopy());
    this.#every(LOOK_EVERY_MS, () => this.look());
  }

  async #openShops(): Promise<void> {
    for (let i = 0; i < this.plan.shops; i++)
      await this.nodes[0]!.node!.shops.create({ storeId: `shop-${i}`, name: `Shop ${i}` }, `epoch-${i}`);
    for (const machine of this.machines) await this.#enrol(machine, `device-${machine.name}`);
    for (let i = 0; i < this.plan.shops; i++) await this.#stockUp(i);
  }

  /** What is there when the shop opens, so that from then on people only move it. */
  async #stockUp(shop: number): Promise<void> {
    const identity = this.machines.find(({ plan }) => plan.shop === shop && plan.role === "register")?.identity;
    if (!identity) return;
    const { storeId, deviceId, role } = identity;
    const writes = STOCK.map((data) => ({
      write: {
        ...{ collection: stock.name, localId: data.id, op: "put", syncVersion: 1 },
        ...{ base: { version: 0, hash: null }, hash: hashOf(data), data },
      },
    }));
    await this.nodes[0]!.node!.accept.submit({ storeId, deviceId, role }, `epoch-${shop}`, writes);
  }

  /** S5, S12, L4: what can be seen at any time. */
  look(): void {
    for (const machine of this.machines) {
      const sync = machine.disk.database.meta.get("sync");
      // Rows are never changed in place: the same row stands for the same records.
      const shop = this.shopOf(machine);
      const isDoubtful = this.model.doubtful.has(`${shop.storeId}/${shop.epoch}`);
      if (!isDoubtful && sync && this.#looked.get(machine) !== sync) {
        this.#looked.set(machine, sync);
        checkAtHead(machine, shop, (...what) => this.violated(...what));
      }
      this.wire.checkStall(machine);
    }
  }

  #every(ms: number, run: () => void): void {
    this.schedule.after(ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  #newNode(index: number): ServerNode {
    const { schedule, database } = this;
    return new ServerNode(`node-${index}`, {
      ...{ schedule, database, random: this.random.stream(`node-${index}`) },
      ended: (node, abruptly) => {
        this.trace.add(node.name, abruptly ? "crashed" : "drained");
        for (const { network } of this.machines) network.nodeEnded(node, abruptly);
      },
      logged: (text) => {
        this.coverage.add("logged");
        this.trace.add(`node-${index}`, `logs ${text}`);
        if (/TypeError|RangeError/.test(text)) this.violated("S8", "the server failed", text);
      },
    });
  }

  #newMachine(plan: MachinePlan): Machine {
    const machine: Machine = new Machine(plan, {
      ...{ schedule: this.schedule, random: this.random.stream(plan.name) },
      losesPower: this.plan.steps.some(({ type, who }) => type === "power cut" && who === this.machines.length),
      network: {
        nodes: () => this.nodes.filter(({ isUp }) => isUp),
        carried: (way, text, context) => this.wire.carried(machine, way, text, context),
        missed: (context) => this.wire.missed(context),
      },
      failed: (what, error) => this.trace.add(plan.name, `${what}: ${String(error)}`),
    });
    machine.disk.written = () => this.restores.noteWritten(machine);
    this.machines.push(machine);
    return machine;
  }

  perform(step: Step): void {
    const machine = this.machines[step.who]!;
    const { type } = step;
    this.trace.add(machine.name, `does "${type}" ${step.x.toFixed(3)}`);
    this.coverage.add(`step ${type}`);
    if (!DEED_TYPES.has(type))
      return MACHINE_FAULT_TYPES.has(type) ? machineFault(this, machine, step) : shopFault(this, step);
    const seed = this.seedDevices.get(machine);
    if (seed) return type === "sell" ? seed.sell() : undefined;
    const ready = machine.tabs.filter(({ replica }) => replica !== null);
    const tab = ready[Math.floor(step.x * ready.length)];
    if (tab && machine.asleepUntil <= this.schedule.now) void new Person(this, machine, tab.replica!, step).act();
  }

  /** As an operator: a code, and what becomes of it. */
  async #enrol(machine: Machine, deviceId: string, role = machine.plan.role): Promise<Identity | null> {
    const node = this.node?.node;
    if (!node) return null;
    try {
      const { kind, shop, name } = machine.plan;
      const { code } = await node.enrolments.create(`shop-${shop}`, name, kind === "seed" ? "script" : role);
      const identity: Identity = await node.enrolments.enrol({ code, deviceId }, name);
      this.model.revoked.delete(`shop-${shop}/${deviceId}`);
      machine.identity = identity;
      return identity;
    } catch {
      return null;
    }
  }

  /** @param asBefore under the id that it had; else as a new device */
  async enrolAnew(machine: Machine, asBefore: boolean): Promise<void> {
    const known = machine.identity?.deviceId;
    this.#enrolments += 1;
    const deviceId = asBefore && known ? known : `device-${machine.name}-${this.#enrolments}`;
    // Now and then as what may not write: what waits there is refused then, and must stay visible.
    const identity = await this.#enrol(machine, deviceId, this.random.chance(0.3) ? "display" : machine.plan.role);
    if (!identity) return;
    this.retired.delete(machine);
    this.trace.add(machine.name, `is enrolled as ${deviceId}`);
    for (const { replica } of machine.tabs) await replica?.reauthenticate(identity);
  }

  async revoke(machine: Machine): Promise<void> {
    const node = this.node?.node;
    const { identity } = machine;
    if (!node || !identity || this.machines.length - this.retired.size <= 2) return;
    try {
      if (!(await node.devices.revoke(identity.storeId, identity.deviceId))) return;
    } catch {
      return;
    }
    this.model.revoked.add(`${identity.storeId}/${identity.deviceId}`);
    this.retired.add(machine);
    this.model.lostHolder(machine.name);
    this.trace.add(machine.name, "is revoked");
    node.sessions.cut(identity.storeId, identity.deviceId, "DEVICE_REVOKED", "the device was revoked");
  }

  /** Another machine with the same disk, and the same identity. */
  copy(machine: Machine): void {
    if (machine.plan.kind === "seed" || this.model.copied.has(machine.name) || !machine.identity) return;
    const name = `${machine.name}c`;
    const copy = this.#newMachine({ ...machine.plan, name, tabs: 1 });
    this.model.copied.add(machine.name).add(name);
    machine.disk.copyTo(copy.disk);
    copy.identity = machine.identity;
    copy.openTab();
  }

  /** As somebody whose statement comes first. */
  async setPolicyAtOnce(storeId: string, collection: string, policy: ConflictPolicy): Promise<void> {
    await this.#operator.shops.setPolicies(storeId, { [collection]: policy }, "admin");
  }

  async setPolicy(collection: string, policy: ConflictPolicy | null, shop: number): Promise<void> {
    const storeId = `shop-${this.plan.shops === 1 ? 0 : shop}`;
    await this.node?.node?.shops.setPolicies(storeId, { [collection]: policy }, "admin").catch(() => undefined);
  }

  answered(machine: Machine, write: Write | undefined, result: Result): void {
    this.model.answered(this.shopOf(machine), machine.identity?.deviceId ?? "", write, result);
  }
}
