/** The database that all nodes share: the memory twins' rows, with a network before them, outages, notices, and copies to go back to. */
import type { Database, NoticeBoard } from "@tillwire/server/store/database";
import { MemoryDatabase } from "@tillwire/server/store/memory-database";
import { memoryDatabaseServices } from "@tillwire/server/store/memory-services";
import type { CommitResult, PlannedWrite } from "@tillwire/server/store/store";
import type { Random } from "./random.ts";
import type { Recording } from "./replay/recording.ts";
import type { Schedule } from "./schedule.ts";

interface Listener {
  readonly node: object;
  readonly isOver: () => boolean;
  readonly hear: (payload: string) => void;
  readonly listening: () => void;
}

export interface DatabaseEvents {
  committed(storeId: string, writes: readonly PlannedWrite[], result: CommitResult): void;
  restored(): void;
}

export class SimulatedDatabase {
  readonly memory: MemoryDatabase;
  isDown = false;
  /** Counts what ended all connections. */
  restarts = 0;
  /** Of a hundred notices, so many get lost. */
  lostNotices = 0;
  /** What somebody else does between a node's looking and its commit. */
  beforeCommit: ((storeId: string, writes: readonly PlannedWrite[]) => Promise<void>) | null = null;
  readonly #listeners = new Set<Listener>();
  readonly #copies: { readonly at: number; readonly rows: MemoryDatabase }[] = [];
  #identities = 1;

  constructor(
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly typicalMs: number,
    private readonly events: DatabaseEvents,
    private readonly recording: Recording | null = null,
  ) {
    this.memory = new MemoryDatabase(() => schedule.now);
  }

  /** What a node asks, without delays and outages. */
  servicesFor(board: NoticeBoard): Database {
    const services = memoryDatabaseServices(this.memory, board);
    return this.recording?.of(services, this.memory) ?? services;
  }

  trip(): Promise<void> {
    return this.schedule.delay(this.random.longTailed(this.typicalMs, this.typicalMs * 20));
  }

  committed(storeId: string, writes: readonly PlannedWrite[], result: CommitResult): void {
    this.events.committed(storeId, writes, result);
  }

  boardFor(node: object, life: { readonly isOver: boolean }): NoticeBoard {
    return {
      listen: async (_channel, hear, listening) => {
        await this.trip();
        if (this.isDown) throw new Error("the database is away");
        const listener = { node, hear, listening, isOver: () => life.isOver };
        this.#listeners.add(listener);
        listening();
        return { unlisten: async () => void this.#listeners.delete(listener) };
      },
      notify: async (_channel, payload) => {
        await this.trip();
        if (this.isDown) throw new Error("the database is away");
        for (const listener of this.#listeners)
          if (!this.random.chance(this.lostNotices / 100))
            this.schedule.after(this.random.longTailed(2, 50), () => {
              if (!listener.isOver() && !this.isDown) listener.hear(payload);
            });
      },
    };
  }

  forget(node: object): void {
    for (const listener of this.#listeners) if (listener.node === node) this.#listeners.delete(listener);
  }

  goDown(forMs: number): void {
    if (this.isDown) return;
    this.isDown = true;
    this.restarts += 1;
    this.schedule.after(forMs, () => this.comeBack());
  }

  comeBack(): void {
    if (!this.isDown) return;
    this.isDown = false;
    for (const listener of this.#listeners) this.schedule.after(200, () => !listener.isOver() && listener.listening());
  }

  keepCopy(): void {
    const rows = this.memory.copy();
    this.#copies.push({ at: this.schedule.now, rows });
    this.recording?.kept(rows);
  }

  /**
   * Puts an earlier copy in place, as an operator would: the database stops for it.
   * @param which in [0, 1): of all copies
   * @param isNoticed whether the database itself shows that it is another one
   * @returns false: there is no copy yet
   */
  restore(which: number, isNoticed: boolean): boolean {
    const copy = this.#copies[Math.floor(which * this.#copies.length)];
    if (!copy) return false;
    this.#copies.splice(this.#copies.indexOf(copy) + 1);
    this.memory.restore(copy.rows);
    this.recording?.restored(copy.rows);
    if (isNoticed) this.memory.identity = `database-${(this.#identities += 1)}:1`;
    this.goDown(1_000);
    this.events.restored();
    return true;
  }
}
