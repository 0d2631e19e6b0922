/** One tab's part in the sync: it stands for leadership, runs the loop while it leads, and shows what the leader tells while it does not. */
import type { DeviceStatus, PresentDevice } from "@tillwire/protocol/messages";
import type { Identity, LinkStatus, ReplicaOptions, SyncReport } from "./api.ts";
import type { Committed, Delta } from "./commit.ts";
import type { Environment } from "./environment.ts";
import { LeaderCalls, syncFailed } from "./leader-call.ts";
import { Election } from "./leader.ts";
import { linkName, stoppedLink, type LinkState } from "./link-state.ts";
import type { LocalStore } from "./local-store.ts";
import type { Express, Saved } from "./save.ts";
import { deviceStatusOf } from "./stats.ts";
import { signal, type WritableSignal } from "./signal.ts";
import { StorageWatch } from "./storage-watch.ts";
import { SyncLoop } from "./sync-loop.ts";
import { syncStateOf } from "./sync-state.ts";
import { joinTabs, type TabMessage, type Tabs, type TabStatus } from "./tabs.ts";
import type { View } from "./view.ts";

/** Where tabs can't speak to each other they look into the database this often, and after it could not be read. */
const LOOK_MS = 1_000;

export interface TabHost {
  readonly env: Environment;
  readonly options: ReplicaOptions;
  readonly store: LocalStore;
  readonly view: View;
  readonly name: string;
  identity(): Identity;
  setIdentity(identity: Identity): void;
  openConflicts(): number;
}

export class Tab {
  readonly status: WritableSignal<TabStatus>;
  readonly #id: string;
  readonly #tabs: Tabs;
  readonly #election: Election;
  readonly #calls: LeaderCalls;
  readonly #presence = new Map<string, PresentDevice>();
  readonly #stops: (() => void)[] = [];
  #loop: SyncLoop | null = null;
  #publishing = false;
  /** What was last made known, and its text: most looks find the same. */
  #shown: { readonly status: TabStatus; readonly text: string } | null = null;
  readonly #storage: StorageWatch;
  #cancelTimer = () => {};
  #cancelCatchUp = () => {};
  #closed = false;

  constructor(private readonly host: TabHost) {
    const { env, name, store, view } = host;
    this.#id = env.newId();
    this.#storage = new StorageWatch(env);
    this.status = signal<TabStatus>({ link: this.#linkStatus(null), syncState: { type: "Idle" }, presence: [] });
    const channel = env.openChannel(name);
    this.#calls = new LeaderCalls(env, (message) => this.#tabs.post(message));
    this.#tabs = joinTabs(channel, (message) => this.#heard(message));
    this.#election = new Election(
      store,
      env,
      { tab: this.#id, lock: name },
      { leading: (fence) => this.#lead(fence), lost: () => this.#follow() },
    );
    if (!channel) this.#look();
    this.#stops.push(
      view.sync.listen(() => this.#publish()),
      view.outbox.listen(() => this.#publish()),
      env.onNudge(() => this.#loop?.nudge()),
    );
    this.#tabs.post({ type: "status?" });
    this.#election.start();
  }

  /** What is saved now may leave at once, if this is not null when its tx runs. */
  express(): Express | null {
    return this.#loop?.express() ?? null;
  }

  /** As `wrote`; but first, before anybody draws, what was frozen for it leaves. */
  async saved({ result, delta }: Committed<Saved>): Promise<Saved["records"]> {
    if (result.frozen) this.#loop?.sendFrozen(result.frozen);
    await this.wrote({ result, delta });
    return result.records;
  }

  /** Brings view, other tabs and the loop up to date with a commit of this tab. What is durable by now is not refused for any of them. */
  async wrote<R>({ result, delta }: Committed<R>): Promise<R> {
    try {
      await this.host.view.apply(delta);
    } catch {
      this.#catchUp();
    }
    this.#wake(delta);
    return result;
  }

  async syncNow(): Promise<SyncReport> {
    if (!this.#loop) return this.#calls.syncNow();
    await this.#loop.syncNow();
    return this.#report();
  }

  reauthenticated(identity: Identity): void {
    this.#tabs.post({ type: "identity", identity });
    this.#loop?.resume();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#cancelCatchUp();
    this.#storage.stop();
    for (const stop of this.#stops) stop();
    const led = this.#loop !== null;
    this.#loop?.stop();
    this.#loop = null;
    this.#calls.close();
    await this.#election.stop();
    if (led) this.#tabs.post({ type: "vacant" });
    this.#tabs.close();
  }

  #wake(delta: Delta | null): void {
    if (!delta) return;
    this.#tabs.post({ type: "changed" });
    this.#loop?.wake();
  }

  #heard(message: TabMessage): void {
    if (this.#closed) return;
    switch (message.type) {
      case "changed":
        return void this.#refresh();
      case "status":
        if (!this.#loop) this.status.set({ ...message.status, link: { ...message.status.link, leader: false } });
        return;
      case "status?":
        if (this.#loop) this.#tabs.post({ type: "status", status: this.status.get() });
        return;
      case "sync now":
        return void this.#answer(message.id);
      case "synced":
        return this.#calls.done(message.id, message.report);
      case "sync failed":
        return this.#calls.failed(message.id, message.code, message.message);
      case "identity":
        this.host.setIdentity(message.identity);
        return this.#loop?.resume();
      case "leading":
        return this.#calls.askAgain();
      case "vacant":
        return this.#election.vacant();
    }
  }

  async #refresh(): Promise<void> {
    try {
      await this.host.view.refresh();
      this.#loop?.wake();
    } catch {
      this.#catchUp();
    }
  }

  /** The database could not be read: nobody else says again that there is something to see, and to send. */
  #catchUp(): void {
    if (this.#closed) return;
    this.#cancelCatchUp();
    this.#cancelCatchUp = this.host.env.setTimer(() => void this.#refresh(), LOOK_MS);
  }

  #look(): void {
    this.#cancelTimer = this.host.env.setTimer(() => {
      void this.#refresh();
      this.#look();
    }, LOOK_MS);
  }

  #lead(fence: number): void {
    if (this.#closed) return;
    const { env, store, view, options } = this.host;
    const loop = new SyncLoop({
      ...{ env, store, view, options, fence },
      identity: () => this.host.identity(),
      status: () => this.#deviceStatus(),
      committed: () => this.#tabs.post({ type: "changed" }),
      changed: () => this.#publish(),
      presence: (devices, whole) => this.#present(devices, whole),
      lostLeadership: () => this.#election.lost(),
    });
    this.#loop = loop;
    // what other tabs wrote before this one led
    void this.#refresh().then(() => {
      if (this.#loop !== loop) return;
      loop.start();
      void this.#calls.leading(() => this.syncNow());
    });
  }

  #follow(): void {
    this.#loop?.stop();
    this.#loop = null;
    const status = this.status.get();
    this.status.set({ ...status, link: { ...status.link, leader: false } });
    this.#tabs.post({ type: "status?" });
  }

  #present(devices: readonly PresentDevice[], whole: boolean): void {
    if (whole) this.#presence.clear();
    for (const device of devices) this.#presence.set(device.deviceId, device);
    this.#publish();
  }

  /** Coalesced: many small steps come together. */
  #publish(): void {
    if (this.#publishing || this.#closed) return;
    this.#publishing = true;
    void Promise.resolve().then(() => {
      this.#publishing = false;
      if (this.#closed) return;
      const loop = this.#loop;
      if (!loop) return;
      const status = this.#tabStatus(loop);
      const text = JSON.stringify(status);
      if (this.#shown?.text === text && this.#shown.status === this.status.get()) return;
      this.#shown = { status, text };
      this.status.set(status);
      this.#tabs.post({ type: "status", status });
    });
  }

  #tabStatus(loop: SyncLoop): TabStatus {
    const { view } = this.host;
    const { state } = loop.driver;
    const { pending } = view;
    const lastSyncAt = loop.lastSyncAt ?? view.position.lastSyncAt;
    const syncState = syncStateOf({ link: state, busy: loop.isBusy, pending, failure: loop.failure, lastSyncAt });
    return { link: this.#linkStatus(loop), syncState, presence: [...this.#presence.values()] };
  }

  #linkStatus(loop: SyncLoop | null): LinkStatus {
    const { env, options, view } = this.host;
    const link: LinkState = loop?.driver.state ?? stoppedLink((options.live ?? ["socket.io"]).length > 0);
    const state = linkName(link);
    const before = loop ? this.status.get().link : null;
    const { cursor } = view.position;
    const head = Math.max(loop?.head ?? 0, view.position.head);
    const behind = state === "catching up" || (state === "polling" && cursor < head);
    return {
      state,
      transport: loop?.driver.isLive ? loop.driver.transport : state === "polling" ? "http" : null,
      since: before?.state === state ? before.since : env.now(),
      lastContactAt: loop?.lastContactAt ?? null,
      progress: behind ? { cursor, head } : null,
      paused: link.pausedFor,
      leader: loop !== null,
    };
  }

  #deviceStatus(): DeviceStatus {
    const { view, env } = this.host;
    const { state: storage } = this.#storage;
    const status = deviceStatusOf(view.position, view.outbox.get());
    return { ...status, conflicts: this.host.openConflicts(), clock: env.now(), ...(storage ? { storage } : {}) };
  }

  #report(): SyncReport {
    const rows = this.host.view.outbox.get();
    const failed = rows.filter((row) => row.state === "rejected").length;
    return { pending: rows.length - failed, failed, at: this.host.env.now() };
  }

  async #answer(id: string): Promise<void> {
    const loop = this.#loop;
    if (!loop) return;
    try {
      await this.#refresh();
      this.#tabs.post({ type: "synced", id, report: await this.syncNow() });
    } catch (error) {
      // Else whoever leads next is asked again.
      if (this.#loop === loop) this.#tabs.post(syncFailed(id, error));
    }
  }
}
