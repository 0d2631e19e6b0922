/**
 * A connection to a server that may just be starting, dying or gone. The driver opens a connection anew, without pause and without
 * ever saying so, when it breaks before the server answered, and may then forget to introduce itself: its query stays unanswered for
 * ever, and its `end` with it. So this one has one socket in its life, and every query an answer or an error within a given time.
 */
import { once } from "node:events";
import { Socket } from "node:net";
import postgres from "postgres";

/** Longer than anything here takes, even beside a recovery. */
const patienceMs = 10_000;
const noop = (): void => undefined;

export interface ConnectionLimits {
  /** Breaks the connection off, whatever it is at. */
  readonly abort?: AbortSignal;
  /** For how long a query, and what it takes to connect, is waited for. Default: 10 s. */
  readonly patienceMs?: number;
}

/** Connects with the first query. */
export class LauncherConnection {
  /** Resolves when it is over, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #sql: postgres.Sql;
  readonly #socket = new Socket();
  readonly #patienceMs: number;
  #wasOpened = false;
  #reason: Error = Object.assign(new Error("The connection ended."), { code: "CONNECTION_CLOSED" });

  /** @param url `postgres://user:password@host:port/database` */
  constructor(url: string, limits: ConnectionLimits = {}) {
    this.#patienceMs = limits.patienceMs ?? patienceMs;
    this.#socket.on("error", (error) => (this.#reason = error));
    const breakOff = () => this.#socket.destroy();
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        limits.abort?.removeEventListener("abort", breakOff);
        resolve();
      });
    });
    limits.abort?.addEventListener("abort", breakOff);
    if (limits.abort?.aborted) breakOff();
    const options = {
      max: 1,
      max_lifetime: null,
      connect_timeout: 0,
      // a connection that breaks while it asks for types is an unhandled rejection, which would end the process
      fetch_types: false,
      onnotice: noop,
      connection: { application_name: "tillwire launcher" },
      // the driver knows this option, its types do not
      socket: () => this.#open(new URL(url)),
    };
    this.#sql = postgres(url, options);
  }

  /**
   * One statement without parameters.
   * @throws PostgresError; for a connection that failed an error with a `code`: the system's, CONNECTION_CLOSED or NO_ANSWER
   */
  async query(statement: string): Promise<readonly postgres.Row[]> {
    let timer: NodeJS.Timeout | undefined;
    const broken = this.closed.then(() => {
      throw this.#reason;
    });
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(Object.assign(new Error("PostgreSQL does not answer."), { code: "NO_ANSWER" }));
        this.#socket.destroy();
      }, this.#patienceMs);
    });
    try {
      if (this.#socket.destroyed) throw this.#reason;
      return await Promise.race([this.#sql.unsafe(statement), broken, late]);
    } finally {
      clearTimeout(timer);
      broken.catch(noop);
    }
  }

  /** Takes a second at most. */
  async end(): Promise<void> {
    await Promise.race([this.#sql.end({ timeout: 1 }), this.closed]);
    this.#socket.destroy();
    await this.closed;
  }

  async #open({ hostname, port }: URL): Promise<Socket> {
    if (this.#wasOpened || this.#socket.destroyed) throw this.#reason;
    this.#wasOpened = true;
    this.#socket.connect(Number(port), hostname);
    await once(this.#socket, "connect");
    return this.#socket;
  }
}
