/** One device of the simulation: a disk, tabs that run the real replica, a clock of its own, and its way to the server. */
import type { Identity, Replica } from "@tillwire/client/api";
import type { Channel, Environment, Locks } from "@tillwire/client/environment";
import { createReplica } from "@tillwire/client/replica";
import { LocalDisk } from "./local-disk.ts";
import type { MachinePlan } from "./machine-plan.ts";
import { Network, type NetworkHost } from "./network.ts";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import { COLLECTIONS } from "./shop.ts";

export interface MachineHost {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly network: Pick<NetworkHost, "nodes" | "carried" | "missed" | "happened">;
  readonly losesPower: boolean;
  /** What a tab could not do. */
  failed(what: string, error: unknown): void;
}

/** A tab that is open. Once it is dead, nothing of it acts and nothing answers it. */
export interface OpenTab {
  isAlive: boolean;
  replica: Replica | null;
}

export class Machine {
  readonly disk: LocalDisk;
  readonly network: Network;
  readonly random: Random;
  tabs: OpenTab[] = [];
  identity: Identity | null = null;
  clockOffsetMs: number;
  /** Timers stand still until then: the machine sleeps. */
  asleepUntil = 0;
  /** Every edit made here gets the next number. */
  edits = 0;
  readonly #channels = new Map<string, Set<{ tab: OpenTab; hear: (message: unknown) => void }>>();
  readonly #locks = new Map<string, { tab: OpenTab; granted: () => Promise<void>; isHeld: boolean }[]>();

  constructor(
    readonly plan: MachinePlan,
    private readonly host: MachineHost,
  ) {
    const { schedule } = host;
    this.random = host.random;
    this.clockOffsetMs = plan.clockOffsetMs;
    this.disk = new LocalDisk(schedule, plan.diskMs, host.losesPower);
    const { name, delayMs } = plan;
    this.network = new Network({ schedule, random: host.random.stream("network"), name, delayMs, ...host.network });
  }

  get name(): string {
    return this.plan.name;
  }
  /** A tab that is open and ready; undefined: none is. */
  get tab(): OpenTab | undefined {
    return this.tabs.find(({ replica }) => replica !== null);
  }

  openTab(): void {
    const { identity } = this;
    if (!identity || this.tabs.length >= 3 || this.plan.kind === "seed") return;
    const tab: OpenTab = { isAlive: true, replica: null };
    this.tabs.push(tab);
    const { kind, presence, subscribe } = this.plan;
    const live = kind === "socket.io" || kind === "websocket" ? [kind] : [];
    const options = { url: "http://shop.test", identity, collections: COLLECTIONS, subscribe, live, presence };
    createReplica(options, this.#environment(tab)).then(
      (replica) => {
        if (!tab.isAlive) return;
        tab.replica = replica;
      },
      (error: unknown) => {
        this.kill(tab);
        this.host.failed("a tab could not be opened", error);
      },
    );
  }

  /** As a browser that ends a tab: nothing of it runs any more. */
  kill(tab: OpenTab): void {
    if (!tab.isAlive) return;
    tab.isAlive = false;
    this.tabs = this.tabs.filter((each) => each !== tab);
    for (const members of this.#channels.values())
      for (const member of members) if (member.tab === tab) members.delete(member);
    for (const link of [...this.network.links])
      if (link.owner === tab) link.cut({ code: null, reason: "the tab died" });
    for (const queue of this.#locks.values()) {
      const left = queue.filter((waiting) => waiting.tab !== tab);
      queue.splice(0, queue.length, ...left);
      this.#grant(queue);
    }
  }

  killAll(): void {
    for (const tab of [...this.tabs]) this.kill(tab);
  }

  async close(tab: OpenTab): Promise<void> {
    const { replica } = tab;
    if (!replica) return this.kill(tab);
    tab.replica = null;
    await replica.close();
    this.kill(tab);
  }

  #environment(tab: OpenTab): Environment {
    const { schedule } = this.host;
    const isAlive = (): boolean => tab.isAlive;
    const { random, network, plan } = this;
    const never = new Promise<null>(() => undefined);
    return {
      now: () => schedule.now + this.clockOffsetMs,
      random: () => random.next(),
      newId: () => this.newId(),
      setTimer: (run, delayMs) => this.#timer(tab, run, delayMs),
      fetch: network.fetch(isAlive),
      openLink: {
        "socket.io": network.openLink("socket.io", tab),
        websocket: network.openLink("websocket", tab),
      },
      openStore: async () =>
        tab.isAlive ? this.disk.open(isAlive, () => this.kill(tab)) : never.then(() => never as never),
      openChannel: plan.channels ? (name) => this.#channel(tab, name) : () => null,
      locks: plan.locks ? { request: (name, held) => this.#lock(tab, name, held) } : null,
      onNudge: () => () => undefined,
      storage: async () => ({ persisted: true, usage: 1, quota: 100 }),
      identities: { load: async () => this.identity, save: async () => undefined, forget: async () => undefined },
    };
  }

  newId(): string {
    return `${this.name}-${this.random.int(0, 0xffffffff).toString(16).padStart(8, "0")}`;
  }

  #timer(tab: OpenTab, run: () => void, delayMs: number): () => void {
    const { schedule } = this.host;
    let cancel = schedule.after(delayMs, () => {
      if (!tab.isAlive) return;
      if (this.asleepUntil > schedule.now) cancel = schedule.after(this.asleepUntil - schedule.now, fire);
      else run();
    });
    const fire = (): void => void (tab.isAlive && run());
    return () => cancel();
  }

  #channel(tab: OpenTab, name: string): Channel {
    const members = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, members);
    const self = { tab, hear: (_message: unknown): void => undefined };
    members.add(self);
    return {
      post: (message) => {
        for (const member of members)
          if (member !== self)
            this.host.schedule.after(1, () => {
              if (members.has(member) && member.tab.isAlive) member.hear(message);
            });
      },
      listen: (run) => {
        self.hear = run;
      },
      close: () => void members.delete(self),
    };
  }

  #lock(tab: OpenTab, name: string, held: () => Promise<void>): ReturnType<Locks["request"]> {
    const queue = this.#locks.get(name) ?? [];
    this.#locks.set(name, queue);
    const request = { tab, granted: held, isHeld: false };
    queue.push(request);
    this.host.schedule.after(1, () => this.#grant(queue));
    return () => {
      if (!request.isHeld) queue.splice(queue.indexOf(request), 1);
    };
  }

  #grant(queue: { tab: OpenTab; granted: () => Promise<void>; isHeld: boolean }[]): void {
    const first = queue[0];
    if (!first || first.isHeld) return;
    first.isHeld = true;
    const release = (): void => {
      const at = queue.indexOf(first);
      if (at >= 0) queue.splice(at, 1);
      this.#grant(queue);
    };
    first.granted().then(release, release);
  }
}
