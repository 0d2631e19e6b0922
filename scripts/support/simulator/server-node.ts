/** One node of the simulated server: the real node, on twins of its stores that are slow, go away and answer too late. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { createMetrics } from "@tillwire/server/metrics";
import { createNode, type Node, type NodeOptions } from "@tillwire/server/node";
import type { Runtime } from "@tillwire/server/runtime";
import type { Database } from "@tillwire/server/store/database";
import { StoreUnavailable, type PlannedWrite } from "@tillwire/server/store/store";
import { HttpDoors } from "./http-doors.ts";
import type { Random } from "./random.ts";
import { COLLECTIONS } from "./shop.ts";
import type { SimulatedDatabase } from "./simulated-database.ts";
import type { Schedule } from "./schedule.ts";

/** What shall happen at the next commit of a node. */
export type CommitFault = "crash before commit" | "crash after commit" | "answer lost";

type Logger = NodeOptions["log"];

export interface NodeHost {
  readonly schedule: Schedule;
  readonly database: SimulatedDatabase;
  readonly random: Random;
  readonly clockOffsetMs: number;
  /** The node ended: links of its are gone. @param abruptly nobody was told */
  ended(node: ServerNode, abruptly: boolean): void;
  logged(code: string): void;
}

const never = (): Promise<never> => new Promise(() => undefined);

/** What one start of a node lives by: nothing of an earlier one may act any more. */
interface Life {
  isOver: boolean;
}

export class ServerNode {
  node: Node | null = null;
  doors: HttpDoors | null = null;
  nextCommit: CommitFault | null = null;
  /** Its clock minus the real one, ms; a restart changes nothing about it. */
  clockOffsetMs: number;
  #life: Life = { isOver: true };

  constructor(
    readonly name: string,
    private readonly host: NodeHost,
  ) {
    this.clockOffsetMs = host.clockOffsetMs;
  }

  get isUp(): boolean {
    return this.node !== null;
  }

  start(): void {
    if (!this.#life.isOver) return;
    const life: Life = { isOver: false };
    this.#life = life;
    const { host } = this;
    const log = quietLog((code) => host.logged(code));
    const database = this.#database(life);
    const node = createNode({
      database,
      collections: COLLECTIONS,
      log,
      runtime: this.#runtime(life),
      metrics: createMetrics(false),
    });
    // A node serves nobody before it can hear of the others; a database that is away keeps it waiting.
    const ready = (): void => {
      if (life.isOver) return;
      this.node = node;
      this.doors = new HttpDoors(node);
    };
    const open = (): void => {
      node.startNotices().then(ready, () => {
        if (!life.isOver) host.schedule.after(1_000, open);
      });
    };
    open();
  }

  /** As kill -9. */
  crash(): void {
    if (this.#life.isOver) return;
    this.#life.isOver = true;
    this.node = null;
    this.doors = null;
    this.host.database.forget(this);
    this.host.ended(this, true);
  }

  /** As an update: commits are finished, sessions are told. */
  async drain(): Promise<void> {
    const { node } = this;
    const life = this.#life;
    if (!node) return;
    await node.accept.drain();
    if (life.isOver) return;
    node.sessions.drain();
    life.isOver = true;
    this.node = null;
    this.doors = null;
    this.host.database.forget(this);
    this.host.ended(this, false);
  }

  #runtime(life: Life): Runtime {
    const { schedule, random } = this.host;
    const timer = (cancel: () => void): NodeJS.Timeout => {
      const handle = { cancel, unref: () => handle };
      return handle as unknown as NodeJS.Timeout;
    };
    const clear = (handle: NodeJS.Timeout | undefined): void =>
      (handle as unknown as { cancel(): void } | undefined)?.cancel();
    return {
      now: () => schedule.now + this.clockOffsetMs,
      setTimeout: (run, ms) =>
        timer(
          schedule.after(ms, () => {
            if (!life.isOver) run();
          }),
        ),
      setInterval: (run, ms) => {
        let cancel = (): void => undefined;
        const again = (): void => {
          cancel = schedule.after(ms, () => {
            if (life.isOver) return;
            again();
            run();
          });
        };
        again();
        return timer(() => cancel());
      },
      clearTimeout: clear,
      clearInterval: clear,
      setImmediate: (run) =>
        void schedule.after(0, () => {
          if (!life.isOver) run();
        }),
      random: (bytes) => random.bytes(bytes),
    };
  }

  #database(life: Life): Database {
    const { database } = this.host;
    const services = database.servicesFor(database.boardFor(this, life));
    const unavailable = (): Error => new ReplicationError("UNAVAILABLE", "the database is not available", 1_000);
    const slow = <T extends object>(service: T, away: () => Error): T =>
      Object.fromEntries(
        Object.entries(service).map(([name, call]: [string, (...args: unknown[]) => Promise<unknown>]) => [
          name,
          (...args: unknown[]) => this.#call(life, name, args, () => call(...args), away),
        ]),
      ) as T;
    return Object.fromEntries(
      Object.entries(services).map(([name, service]: [string, object]) => [
        name,
        name === "board" ? service : slow(service, name === "store" ? () => new StoreUnavailable(null) : unavailable),
      ]),
    ) as unknown as Database;
  }

  /** One statement: on its way, carried out in one step, on its way back. */
  async #call(
    life: Life,
    name: string,
    args: readonly unknown[],
    run: () => Promise<unknown>,
    away: () => Error,
  ): Promise<unknown> {
    const { database } = this.host;
    const { restarts } = database;
    await database.trip();
    if (life.isOver) return never();
    if (database.isDown) throw away();
    const fault = name === "commit" ? this.nextCommit : null;
    if (fault) this.nextCommit = null;
    if (fault === "crash before commit") {
      this.crash();
      return never();
    }
    if (name === "commit") await database.beforeCommit?.(args[0] as string, args[2] as readonly PlannedWrite[]);
    const result = await run();
    if (name === "commit") database.committed(args[0] as string, args[2] as readonly PlannedWrite[], result as never);
    if (fault === "crash after commit") {
      this.crash();
      return never();
    }
    await database.trip();
    if (life.isOver) return never();
    if (database.restarts !== restarts || fault === "answer lost") throw away();
    return result;
  }
}

/** Says nothing; what it is told by errors is told on. */
function quietLog(heard: (code: string) => void): Logger {
  const ignore = (): void => undefined;
  const error = (details: { err?: unknown }, message?: string): void => {
    const { err } = details;
    const cause = err instanceof Error ? `${err.name}: ${err.message}` : String(err);
    heard(
      `${message ?? ""}: ${cause}${err instanceof TypeError || err instanceof RangeError ? ` ${err.stack ?? ""}` : ""}`,
    );
  };
  const log = { info: ignore, debug: ignore, trace: ignore, warn: ignore, error, fatal: error, child: () => log };
  return log as unknown as Logger;
}
