/** One seed, from its plan to a verdict. */
import { checkAtHead, checkEdits, checkMoney, checkMoves, rowsOn } from "./checks.ts";
import { heal } from "./healing.ts";
import { subscribesTo } from "./machine-plan.ts";
import type { Machine } from "./machine.ts";
import type { Plan } from "./plan.ts";
import type { Violation } from "./model.ts";
import type { Recording } from "./replay/recording.ts";
import { START_MS } from "./schedule.ts";
import { NOTES } from "./shop.ts";
import { checkShop } from "./shop-checks.ts";
import { stateOf } from "./state.ts";
import { World } from "./world.ts";

export interface Verdict {
  readonly seed: number;
  readonly violation: Violation | null;
  /** Of everything that happened. */
  readonly digest: string;
  readonly trace: readonly string[];
  readonly coverage: readonly (readonly [string, number])[];
  readonly virtualMs: number;
  readonly events: number;
  readonly commits: number;
  readonly acknowledged: number;
  readonly sales: number;
  /** Both sides, where something was violated. */
  readonly state: string;
}

/** After the last fault, everything has arrived everywhere within this time (L1). */
const CONVERGENCE_MS = 240_000;
/** And then nobody says anything but "I am here" for this long (L3). */
const SILENCE_MS = 70_000;

/** A sale crosses networks of up to this delay in this time. */
const PROBED_DELAY_MS = 300;
const PROBE_MS = 4_000;

export interface RunOptions {
  readonly keepsTrace?: boolean;
  /** Hears what the database was asked. */
  readonly recording?: Recording;
}

export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<Verdict> {
  const world = new World(plan, options.keepsTrace ?? false, options.recording ?? null);
  const hasEnded = (): boolean => world.violations.length > 0;
  const unhandled = (error: unknown): void => world.violated("S8", "a promise was rejected and nobody looked", error);
  process.on("unhandledRejection", unhandled);
  try {
    await world.open();
    const { schedule } = world;
    await schedule.runUntil(schedule.now + plan.faultsEndMs, hasEnded);
    if (!hasEnded()) await converge(world);
    if (!hasEnded()) await keepSilent(world);
    if (!hasEnded()) await probe(world);
    if (!hasEnded()) await checkAll(world);
  } catch (error) {
    world.violated("S8", "an exception ended the run", error);
  } finally {
    process.off("unhandledRejection", unhandled);
  }
  return verdictOf(world);
}

async function converge(world: World): Promise<void> {
  const { schedule, machines, retired } = world;
  const hasEnded = (): boolean => world.violations.length > 0;
  world.isClosed = true;
  world.trace.add("world", "heals");
  heal(world);
  await schedule.runUntil(schedule.now + 5_000, hasEnded);
  // Whoever lost its token gets a new one: a restore, or an enrolment elsewhere, took it.
  for (const machine of machines)
    if (!retired.has(machine) && !hasToken(world, machine)) {
      const enrolling = world.administration.enrolAnew(machine, !world.model.copied.has(machine.name));
      await schedule.runUntil(schedule.now + 3_000, hasEnded);
      await Promise.race([enrolling, Promise.resolve()]);
    }
  // A push that was held up is nobody's typing: silence begins when it has arrived.
  const isOnItsWay = ({ network }: Machine): boolean => network.heldUntil >= schedule.now;
  const isQuiet = (): boolean =>
    machines.every((machine) => !isOnItsWay(machine) && (retired.has(machine) || isSettled(world, machine)));
  await schedule.runUntil(schedule.now + CONVERGENCE_MS, () => hasEnded() || isQuiet());
  if (hasEnded() || isQuiet()) return;
  const late = machines.filter((machine) => !retired.has(machine) && !isSettled(world, machine));
  // L2, where what waits has a rejected write before it.
  const invariant = late.some(isHeldUp) ? "L2" : "L1";
  world.violated(invariant, `${late.map(({ name }) => name).join(", ")} did not settle within ${CONVERGENCE_MS} ms`);
}

function isHeldUp(machine: Machine): boolean {
  const { outbox } = rowsOn(machine);
  const waiting = outbox.findIndex(({ state }) => state !== "rejected");
  return waiting > 0;
}

function hasToken(world: World, machine: Machine): boolean {
  const { identity } = machine;
  const row = identity && world.shopOf(machine).devices.get(identity.deviceId);
  return row != null && row.revokedAt === null && row.tokenHash === world.wire.tokenHashOf(identity!.token);
}

function isSettled(world: World, machine: Machine): boolean {
  const seed = world.seedDevices.get(machine);
  if (seed) return seed.pending === 0;
  const shop = world.shopOf(machine);
  const sync = machine.disk.database.meta.get("sync") as ReturnType<typeof rowsOn>["sync"];
  if (!sync || sync.epoch !== shop.epoch || sync.cursor !== shop.head || sync.base !== sync.visible) return false;
  const isLaid = [...machine.disk.database.overlays.values()].some(({ collection }) => collection !== "conflicts");
  if (sync.digestsEqual === false || isLaid) return false;
  return [...machine.disk.database.outbox.values()].every(({ state }) => state === "rejected");
}

/** L3: when nobody types, nobody has anything to say. */
async function keepSilent(world: World): Promise<void> {
  const { schedule, wire, database } = world;
  const heads = (): string => [...database.memory.shops.values()].map(({ head }) => head).join();
  const { pushes } = wire;
  const before = heads();
  await schedule.runUntil(schedule.now + SILENCE_MS, () => world.violations.length > 0);
  if (heads() !== before) world.violated("L3", `heads went from ${before} to ${heads()} while nobody typed`);
  // Existing devices ask with an empty batch; whatever else is pushed has been settled.
  const seedPushes = world.seedDevices.size > 0;
  if (wire.pushes !== pushes && !seedPushes) world.violated("L3", `${wire.pushes - pushes} pushes while nobody typed`);
}

/** L1, live: what one register saves is on the others long before a heartbeat would tell of it. */
async function probe(world: World): Promise<void> {
  const { schedule, machines, retired } = world;
  const isLive = ({ network }: Machine): boolean =>
    [...network.links].some((link) => link.node !== null && !link.isDead);
  const isAble = (machine: Machine): boolean =>
    !retired.has(machine) && isLive(machine) && machine.tab !== undefined && subscribesTo(machine.plan, NOTES[0]!.name);
  const able = machines.filter((machine) => isAble(machine) && machine.plan.delayMs[1] <= PROBED_DELAY_MS);
  const writer = able.find(({ identity }) => identity?.role === "register");
  if (!writer) return;
  const readers = able.filter(({ plan }) => plan.shop === writer.plan.shop);
  const localId = writer.newId();
  const saving = writer.tab!.replica!.collection(NOTES[0]!).put({ id: localId, text: "probe", edits: {} });
  const hasIt = ({ disk }: Machine): boolean =>
    [...disk.database.generations.values()].some((records) => records.has(`${NOTES[0]!.name}/${localId}`));
  await schedule.runUntil(schedule.now + PROBE_MS, () => readers.every(hasIt));
  await Promise.race([saving, Promise.resolve()]);
  const late = readers.filter((machine) => !hasIt(machine)).map(({ name }) => name);
  if (late.length > 0)
    world.violated("L1", `${late.join(", ")} did not get within ${PROBE_MS} ms what ${writer.name} saved`);
  // So that all have it, over whichever link, when they are compared.
  const isQuiet = (): boolean => machines.every((machine) => retired.has(machine) || isSettled(world, machine));
  await schedule.runUntil(schedule.now + CONVERGENCE_MS, isQuiet);
}

async function checkAll(world: World): Promise<void> {
  const { machines, model, retired, database, seedDevices } = world;
  const violated: World["violated"] = (...what) => world.violated(...what);
  const existing = new Set([...seedDevices.keys()].map(({ identity }) => identity?.deviceId ?? ""));
  const items = [...seedDevices.values()].flatMap((device) => device.waiting);
  const waiting = items.flatMap(({ collection, data }) => (collection === "transactions" ? [data] : []));
  for (const shop of database.memory.shops.values()) {
    checkShop(shop, model, existing, violated);
    checkEdits(shop, machines, model, violated);
    checkMoney(shop, machines, waiting, model, violated);
    checkMoves(shop, machines, model, violated);
  }
  for (const machine of machines) {
    if (retired.has(machine) || seedDevices.has(machine)) continue;
    checkAtHead(machine, world.shopOf(machine), violated);
    // Digests heal what is wrong, which must not hide that it was.
    const mismatches = world.restores.unexplainedMismatches(machine);
    if (mismatches > 0)
      violated("S12", `${machine.name}'s digests differed ${mismatches} times, in an epoch without doubt`);
    await checkVisible(world, machine);
  }
}

/** S5: what people see is the server's records, overlaid by what waits here and by their own side of open conflicts. */
async function checkVisible(world: World, machine: Machine): Promise<void> {
  const replica = machine.tab?.replica;
  if (!replica) return world.violated("L1", `no tab of ${machine.name} opens any more`);
  const shop = world.shopOf(machine);
  const { outbox } = rowsOn(machine);
  const own = new Set(outbox.map(({ collection, localId }) => `${collection}/${localId}`));
  for (const collection of world.collections.filter(({ name }) => subscribesTo(machine.plan, name))) {
    const query = replica.collection(collection).query();
    await world.schedule.runUntil(world.schedule.now + 200);
    const seen = new Map((await query).map((record) => [record.localId, record]));
    for (const row of shop.records.values()) {
      const key = `${row.collection}/${row.localId}`;
      if (row.collection !== collection.name || own.has(key)) continue;
      const record = seen.get(row.localId);
      if (record?.conflict !== undefined) continue;
      if ((record?.hash ?? null) !== (row.deleted ? null : row.hash))
        world.violated("S5", `${machine.name} shows another ${key} than the server has`, { seen: record, server: row });
    }
    for (const localId of seen.keys())
      if (!shop.record(collection.name, localId) && !own.has(`${collection.name}/${localId}`))
        world.violated("S5", `${machine.name} shows ${collection.name}/${localId}, which the server does not know`);
  }
}

function verdictOf(world: World): Verdict {
  const { schedule, trace, coverage, model } = world;
  const violation = world.violations[0] ?? null;
  return {
    ...{ seed: world.plan.seed, violation, digest: trace.digest, trace: trace.lines, coverage: [...coverage.counts] },
    ...{ virtualMs: schedule.now - START_MS, events: schedule.events, commits: model.commits },
    ...{
      acknowledged: model.acknowledged,
      sales: model.sales.size,
      state: violation ? stateOf(world, violation.what) : "",
    },
  };
}
