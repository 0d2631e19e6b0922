/** One run's world: the database, its nodes, the machines, and what is known of them. */
import type { Result, Write } from "@tillwire/protocol/messages";
import type { MemoryShop } from "@tillwire/server/store/memory-database";
import { Administration } from "./administration.ts";
import { checkAtHead, rowsOn } from "./checks.ts";
import { Coverage } from "./coverage.ts";
import { Desk } from "./desk.ts";
import { machineFault } from "./machine-faults.ts";
import type { MachinePlan } from "./machine-plan.ts";
import { Machine } from "./machine.ts";
import { Model, type Violation } from "./model.ts";
import { openShops } from "./opening.ts";
import { act } from "./people.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { Schedule, START_MS } from "./schedule.ts";
import { SeedDevice } from "./seed-device.ts";
import { ServerNode } from "./server-node.ts";
import type { Recording } from "./replay/recording.ts";
import { Restores } from "./restores.ts";
import { shopFault } from "./shop-faults.ts";
import { COLLECTIONS, movesIn, stock } from "./shop.ts";
import { SimulatedDatabase, type DatabaseEvents } from "./simulated-database.ts";
import { DEEDS, MACHINE_FAULTS, type Step } from "./steps.ts";
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
  readonly administration: Administration;
  /** Machines whose identity was revoked for good. */
  readonly retired = new Set<Machine>();
  isClosed = false;
  readonly collections = [...COLLECTIONS.values()];
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
    // Who needs no node to turn to the database.
    const operator = this.database.servicesFor(this.database.boardFor(this, { isOver: false }));
    this.restores = new Restores(this, operator);
    this.administration = new Administration(this, operator);
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
    const opening = openShops(this).then(() => (isOpen = true));
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
      clockOffsetMs: this.plan.nodeClocksMs?.[index] ?? 0,
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
        happened: (what) => this.coverage.add(`did ${what}`),
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
    if (tab && machine.asleepUntil <= this.schedule.now) void act(new Desk(this, machine, tab.replica!, step));
  }

  /** Another machine with the same disk, and the same identity. */
  copy(machine: Machine): void {
    if (machine.plan.kind === "seed" || this.model.copied.has(machine.name) || !machine.identity) return;
    const name = `${machine.name}c`;
    const copy = this.#newMachine({ ...machine.plan, name, tabs: 1 });
    this.model.copied.add(machine.name).add(name);
    this.coverage.add("did copy device");
    machine.disk.copyTo(copy.disk);
    this.#noteCopied(copy);
    copy.identity = machine.identity;
    copy.openTab();
  }

  #noteCopied(copy: Machine): void {
    for (const { collection, localId, state, data } of rowsOn(copy).outbox) {
      if (collection !== stock.name || state === "sent") continue;
      const { dataJson = null } = this.shopOf(copy).record(collection, localId) ?? {};
      const counted = new Set(dataJson === null ? [] : movesIn(JSON.parse(dataJson)).map(({ id }) => id));
      for (const { id } of movesIn(data)) if (!counted.has(id)) this.model.copiedMoves.add(id);
    }
  }

  answered(machine: Machine, write: Write | undefined, result: Result): void {
    this.model.answered(this.shopOf(machine), machine.identity?.deviceId ?? "", write, result);
  }
}
