/** What is seen on the wire: acknowledgements, the chain of frames, stalls, and whether shops keep to themselves. */
import type { OutboxRow } from "@tillwire/client/outbox";
import { sha256Hex } from "@tillwire/protocol/hash";
import type { Result, Write } from "@tillwire/protocol/messages";
import { parseSyncToken } from "@tillwire/protocol/sync-token";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** A write that was sent over a live link waits at most so long before the link is given up, and a little for the next one. */
const STALL_MS = 90_000;

interface Seen {
  /** Pushes of this link, by id. */
  /** Each with how often the database had been put back by then. */
  readonly pushes: Map<string, { readonly writes: readonly Write[]; readonly restores: number }>;
  /** Where the last frame ended; null: any may follow. */
  to: number | null;
}

export class Wire {
  pushes = 0;
  frames = 0;
  readonly #seen = new WeakMap<object, Seen>();
  readonly #waiting = new Map<Machine, { readonly key: string; readonly since: number }>();

  constructor(private readonly world: World) {}

  carried(machine: Machine, way: "up" | "down", text: string, context: object): void {
    const { world } = this;
    world.trace.add(machine.name, `${way === "up" ? ">" : "<"} ${text.length} ${text.slice(0, 240)}`);
    const seen = this.#seen.get(context) ?? { pushes: new Map(), to: null };
    this.#seen.set(context, seen);
    if (way === "up") return this.#up(text, seen);
    this.#checkIsolation(machine, text);
    if (text.startsWith('{"type":"changes"')) this.#frame(machine, text, seen);
    else if (text.startsWith('{"type":"pushed"')) this.#pushed(machine, text, seen);
    else if (text.startsWith('{"type":"reset"')) {
      seen.to = null;
      world.coverage.add(`reset ${(JSON.parse(text) as { reason: string }).reason}`);
    } else if (text.startsWith('{"type":"error"') || text.startsWith('{"type":"urn:')) {
      const { code, reason } = JSON.parse(text) as { code: string; reason?: string };
      world.coverage.add(`error ${code}`);
      if (reason) world.coverage.add(`reset ${reason}`);
    }
  }

  missed(context: object): void {
    const seen = this.#seen.get(context);
    if (seen) seen.to = null;
  }

  #up(text: string, seen: Seen): void {
    if (text.includes('"writes":[')) {
      const { id, writes } = JSON.parse(text) as { id: string; writes: readonly Write[] };
      seen.pushes.set(id, { writes, restores: this.world.model.restores });
      this.pushes += 1;
    } else if (text.startsWith('{"type":"pull"')) seen.to = null;
  }

  #pushed(machine: Machine, text: string, seen: Seen): void {
    const { id, results } = JSON.parse(text) as { id: string; results: readonly Result[] };
    const pushed = seen.pushes.get(id);
    const { writes = [], restores } = pushed ?? {};
    // What was taken before the database was put back is not there any more.
    const isCurrent = restores === this.world.model.restores;
    if (pushed && !isCurrent) results.forEach((result) => this.world.model.answeredTooLate(machine.name, result));
    results.forEach((result, i) => this.world.answered(machine, isCurrent ? writes[i] : undefined, result));
  }

  /** S4: each frame of a link begins where the last one ended, or a reset or a pull came between. */
  #frame(machine: Machine, text: string, seen: Seen): void {
    this.frames += 1;
    const match = /^\{"type":"changes","from":(\d+),"to":(\d+),"head":(\d+)/.exec(text);
    if (!match) return this.world.violated("S4", "a frame that is none", text.slice(0, 200));
    const [from, to, head] = match.slice(1).map(Number) as [number, number, number];
    if (seen.to !== null && from > seen.to)
      this.world.violated("S4", `${machine.name} gets a frame from ${from} after one to ${seen.to}`);
    seen.to = to;
    const token = /"syncToken":"([^"]+)"/.exec(text)?.[1];
    const epoch = token === undefined ? undefined : parseSyncToken(token)?.epoch;
    if (epoch !== undefined) this.world.model.sawHead(this.world.shopOf(machine).storeId, epoch, head);
  }

  /** S10: nothing of another shop's machines. */
  #checkIsolation(machine: Machine, text: string): void {
    if (this.world.plan.shops === 1) return;
    for (const { plan } of this.world.machines)
      if (plan.shop !== machine.plan.shop && (text.includes(`"${plan.name}-`) || text.includes(`device-${plan.name}"`)))
        this.world.violated(
          "S10",
          `${machine.name} is sent something of ${plan.name}, of another shop`,
          text.slice(0, 2_000),
        );
  }

  tokenHashOf(token: string): string {
    return sha256Hex(token);
  }

  /** L4: what was sent over a live link is not waited for without end. */
  checkStall(machine: Machine): void {
    const first = oldestSent(machine);
    const isLive = [...machine.network.links].some((link) => link.node !== null && !link.isDead && link.node.isUp);
    const isWell = machine.network.open.up && machine.network.open.down && machine.network.slowness === 1;
    const key = first && `${first.key}/${first.hash}`;
    const before = this.#waiting.get(machine);
    const { schedule, database } = this.world;
    if (!key || !isLive || !isWell || database.isDown || machine.asleepUntil > schedule.now)
      return void this.#waiting.delete(machine);
    if (before?.key !== key) return void this.#waiting.set(machine, { key, since: schedule.now });
    if (schedule.now - before.since > STALL_MS)
      this.world.violated(
        "L4",
        `${machine.name} waits for a result for ${STALL_MS} ms over a link that is well`,
        first,
      );
  }
}

function oldestSent({ disk }: Machine): OutboxRow | undefined {
  let oldest: OutboxRow | undefined;
  for (const row of disk.database.outbox.values())
    if (row.state === "sent" && (!oldest || row.key < oldest.key)) oldest = row;
  return oldest;
}
