/** Random faults, then quiet: every replica equals the server (S12, L1), nothing doubled (S2), nothing lost (S8). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Base } from "@tillwire/protocol/messages";
import type { Replica } from "./api.ts";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import { VirtualChannels } from "../test/virtual-host.ts";
import { latest, notes, world, type World } from "../test/fixtures.ts";

type Act =
  | { type: "put"; device: number; record: number }
  | { type: "stale put"; device: number; record: number }
  | { type: "open form"; device: number; record: number }
  | { type: "save form"; device: number; record: number }
  | { type: "delete"; device: number; record: number }
  | { type: "time"; ms: number }
  | { type: "cut" | "lose answers" | "deliver answers" | "lose frames" | "deliver frames" | "live down" | "live up" }
  | { type: "http down" | "http up" | "heal" }
  | { type: "restart"; device: number }
  | { type: "settle"; device: number; which: number; choice: (typeof CHOICES)[number] }
  | { type: "another policy" }
  | { type: "restore"; share: number };

const CHOICES = ["server", "client", "both", "other", "deleted"] as const;
const device = fc.nat(1);
const record = fc.nat(3);
const switches = [
  "cut",
  "lose answers",
  "deliver answers",
  "lose frames",
  "deliver frames",
  "live down",
  "live up",
] as const;
const usual = [
  { weight: 8, arbitrary: fc.record({ type: fc.constant("put" as const), device, record }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("stale put" as const), device, record }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom("open form" as const, "save form" as const), device, record }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("delete" as const), device, record }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("time" as const), ms: fc.integer({ min: 0, max: 3_000 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom(...switches, "http down" as const, "http up" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const), device }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("settle" as const),
      device,
      which: fc.nat(3),
      choice: fc.constantFrom(...CHOICES),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "another policy" as const }) },
];
const withRestores = [
  ...usual,
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("restore" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
];

interface Run {
  w: World;
  replicas: Replica[];
  texts: Set<string>;
  /** Devices of the replicas; two tabs are two replicas of one device. */
  devices: string[];
  open(device: string): Promise<Replica>;
  /** What each device last wrote of each record, unless it deleted or settled it since. */
  last: Map<string, string>;
  /** Where each record stood when a form was opened on it. */
  forms: Map<string, Base>;
  count: number;
}

async function act(run: Run, step: Act): Promise<void> {
  const { w, replicas } = run;
  switch (step.type) {
    case "open form": {
      const form = await replicas[step.device]!.collection(notes).get(`n${step.record}`);
      if (form) run.forms.set(`${run.devices[step.device]}/n${step.record}`, form.readAt);
      return;
    }
    case "put":
    case "stale put":
    case "save form": {
      const collection = replicas[step.device]!.collection(notes);
      const localId = `n${step.record}`;
      const now = (await collection.get(localId))?.readAt;
      const opened = run.forms.get(`${run.devices[step.device]}/${localId}`);
      const readAt = step.type === "save form" ? (opened ?? now) : now;
      if (step.type === "stale put") await w.time.advance(700);
      const text = `${step.device}-${++run.count}`;
      run.texts.add(text);
      run.last.set(`${run.devices[step.device]}/${localId}`, text);
      await collection.put({ id: localId, text }, readAt ? { readAt } : {});
      return;
    }
    case "delete":
      run.last.delete(`${run.devices[step.device]}/n${step.record}`);
      return replicas[step.device]!.collection(notes).delete(`n${step.record}`);
    case "time":
      return w.time.advance(step.ms);
    case "cut":
      return w.server.cutAll();
    case "lose answers":
    case "deliver answers":
      w.server.dropResults = step.type === "lose answers";
      return;
    case "lose frames":
    case "deliver frames":
      w.server.dropFrames = step.type === "lose frames";
      return;
    case "live down":
    case "live up":
      w.server.liveUp = step.type === "live up";
      if (!w.server.liveUp) w.server.cutAll();
      return;
    case "http down":
    case "http up":
      w.server.httpUp = step.type === "http up";
      return;
    case "heal":
      return;
    case "another policy":
      w.server.policy = w.server.policy === "MANUAL" ? "SERVER_WINS" : "MANUAL";
      return;
    case "settle": {
      const open = await openConflicts(replicas[step.device]!);
      const chosen = open[step.which % Math.max(1, open.length)];
      if (chosen) await settle(run, step.device, chosen, step.choice);
      return;
    }
    case "restart": {
      await replicas[step.device]!.close();
      replicas[step.device] = await run.open(run.devices[step.device]!);
      return;
    }
    case "restore":
      w.server.restore(Math.floor(w.server.head * step.share));
      w.server.cutAll();
  }
}

async function openConflicts(replica: Replica): Promise<ConflictData[]> {
  const all = await replica.collection(conflicts).query({ where: ({ status }) => status === "open" });
  return all.map(({ data }) => data);
}

async function settle(run: Run, device: number, conflict: ConflictData, choice: (typeof CHOICES)[number]) {
  const { id, recordId, client } = conflict;
  const replica = run.replicas[device]!;
  run.last.delete(`${run.devices[device]}/${recordId}`);
  if (choice === "other") {
    const text = `${device}-${++run.count}`;
    run.texts.add(text);
    await replica.settle(id, { data: { id: recordId, text } });
  } else if (choice === "deleted") await replica.settle(id, { data: null });
  else await replica.settle(id, choice === "both" && client.deleted ? "client" : choice);
}

/** Until nothing waits for a person any more: whoever comes too late chooses again. */
async function settleAll(run: Run): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const [first] = await openConflicts(run.replicas[round % 2]!);
    if (!first) return;
    await settle(run, round % 2, first, "server");
    await quiet(run);
  }
  throw new Error("conflicts stay open, whoever settles them");
}

async function quiet({ w, replicas }: Run): Promise<void> {
  Object.assign(w.server, { dropResults: false, dropFrames: false, liveUp: true, httpUp: true });
  const stats = replicas.map((replica) => latest(replica.stats$));
  const links = replicas.map((replica) => latest(replica.link$));
  await w.time.until(
    () =>
      stats.every(({ value }) => value?.pending === 0 && value.digestsEqual === true) &&
      links.every(({ value }) => value?.state === "live"),
    600_000,
  );
  await w.time.advance(20_000);
  for (const { value } of stats) expect(value).toMatchObject({ pending: 0, failed: 0, digestsEqual: true });
}

/** Every replica shows the server's records; over them, the losing sides that wait in its own open conflicts, and nothing else. */
async function compare({ w, replicas, devices }: Run): Promise<void> {
  const records = [...w.server.records.values()];
  for (const [i, replica] of replicas.entries()) {
    const expected = new Map<string, object>();
    for (const { collection, deleted, localId, data, syncVersion, hash } of records)
      if (collection === "notes" && !deleted)
        expected.set(localId, { localId, data, syncVersion, hash, sync: "synced" });
    for (const { collection, data } of records) {
      if (collection !== "conflicts") continue;
      const { id: conflict, recordId, status, client } = data as ConflictData;
      if (status !== "open" || client.deviceId !== devices[i]) continue;
      const { syncVersion, hash, deleted } = client;
      const own = deleted ? expected.get(recordId) : { localId: recordId, data: client.data, syncVersion, hash };
      if (own) expected.set(recordId, { ...own, sync: "attention", conflict });
    }
    const visible = await replica.collection(notes).query();
    const seen = visible.map(({ localId, data, syncVersion, hash, sync, conflict }) => ({
      ...{ localId, data, syncVersion, hash, sync },
      ...(conflict ? { conflict } : {}),
    }));
    const byId = (a: unknown, b: unknown) => JSON.stringify(a).localeCompare(JSON.stringify(b));
    expect(seen.sort(byId)).toEqual([...expected.values()].sort(byId));
    // nothing is left of what bridged the time between results and frames
    const inbox = await replica.collection(conflicts).query();
    expect(inbox.map(({ data }) => data).sort(byId)).toEqual(
      records.flatMap(({ collection, data }) => (collection === "conflicts" ? [data] : [])).sort(byId),
    );
  }
}

async function runAll(
  { manual, tabs = false }: { manual: boolean; tabs?: boolean },
  acts: readonly Act[],
  check?: (run: Run) => void,
): Promise<void> {
  const w = world();
  if (manual) w.server.policy = "MANUAL";
  w.server.pageSize = 3;
  const hosts = new Map(["d0", "d1"].map((name) => [name, w.host(name, { openChannel: new VirtualChannels().open })]));
  const open = (name: string) => w.open(name, {}, hosts.get(name));
  const replicas = [await open("d0"), await open("d1"), ...(tabs ? [await open("d0")] : [])];
  const run: Run = {
    w,
    replicas,
    devices: ["d0", "d1", "d0"],
    open,
    texts: new Set(),
    last: new Map(),
    forms: new Map(),
    count: 0,
  };
  try {
    for (const step of acts) await act(run, step);
    await quiet(run);
    await compare(run);
    const ever = JSON.stringify(w.server.history);
    for (const text of run.last.values()) expect(ever).toContain(`"${text}"`);
    await settleAll(run);
    await compare(run);
    check?.(run);
  } finally {
    for (const replica of run.replicas) await replica.close();
  }
}

describe("convergence", () => {
  it("S2, S5, S8, S12, L1: whatever was cut, lost or restarted, all outboxes drain and all replicas equal the server", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(fc.oneof(...usual), { maxLength: 40 }), (manual, acts) =>
        runAll({ manual }, acts),
      ),
      { numRuns: Number(process.env["RUNS"] ?? 60) },
    );
  }, 120_000);

  it("the same with restores", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(fc.oneof(...withRestores), { maxLength: 40 }), (manual, acts) =>
        runAll({ manual }, acts),
      ),
      { numRuns: Number(process.env["RUNS"] ?? 60) },
    );
  }, 120_000);

  it("the same with two tabs of one device", async () => {
    const acts = fc.array(fc.oneof(...withRestores), { maxLength: 40 });
    // half of what the device does, it does in its second tab
    const spread = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), acts, spread, (manual, all, toTab) =>
        runAll(
          { manual, tabs: true },
          all.map((step, i) => ("device" in step && step.device === 0 && toTab[i] ? { ...step, device: 2 } : step)),
        ),
      ),
      { numRuns: Number(process.env["RUNS"] ?? 60) },
    );
  }, 120_000);

  it("S6, S8: edits of one register alone never conflict with each other, and the last one stands", async () => {
    const alone = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ type: fc.constant("put" as const), device: fc.constant(0), record: fc.nat(1) }),
      },
      { weight: 6, arbitrary: fc.record({ type: fc.constant("time" as const), ms: fc.integer({ min: 0, max: 40 }) }) },
      { weight: 4, arbitrary: fc.record({ type: fc.constantFrom(...switches) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const), device: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(alone, { maxLength: 40 }), (acts) =>
        runAll({ manual: false }, acts, ({ w, texts }) => {
          const records = [...w.server.records.values()];
          expect(records.filter((change) => change.collection === "conflicts")).toEqual([]);
          const last = [...texts].at(-1);
          if (last) expect(records.some((change) => (change.data as { text?: string }).text === last)).toBe(true);
        }),
      ),
      { numRuns: Number(process.env["RUNS"] ?? 60) },
    );
  }, 120_000);
});
