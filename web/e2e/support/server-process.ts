/** A real server process for tests and scripts: started as `npm start` does, killed and restarted at will. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "@tillwire/server/free-port";

export interface ServerOptions {
  /** Where the data are: a database (as createTestDatabase gives), or a directory for a PostgreSQL of the server's own. */
  readonly where: { readonly databaseUrl: string } | { readonly dataDir: string };
  /** Default: any free one below 32768. */
  readonly port?: number;
  /** Further settings, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dirname, "../../..");
const readyDeadlineMs = 60_000;

/** Resolves when the server is ready. Stop it in afterAll. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = new ServerProcess(options, options.port ?? (await freePort()));
  await server.start();
  return server;
}

export class ServerProcess {
  readonly port: number;
  readonly adminToken = randomBytes(24).toString("hex");
  /** What it has printed, over all its lives. */
  output = "";
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;

  constructor(options: ServerOptions, port: number) {
    this.#options = options;
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const { where, env } = this.#options;
    const child = spawn(process.execPath, ["--import", "tsx", "server/src/main.ts"], {
      cwd: root,
      env: {
        ...withoutSettings(process.env),
        SERVER_PORT: String(this.port),
        ADMIN_TOKEN: this.adminToken,
        LOG_LEVEL: "info",
        ...("databaseUrl" in where ? { DATABASE_URL: where.databaseUrl } : { DATA_DIR: where.dataDir }),
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => (this.output += text.toString()));
    this.#child = child;
    await this.#becomesReady(child);
  }

  /** Resolves with the exit code (null if the signal ended it) when the process is gone. SIGTERM lets it drain. */
  async kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGKILL"): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || !isRunning(child)) return child?.exitCode ?? null;
    child.kill(signal);
    const [exitCode] = (await once(child, "exit")) as [number | null];
    return exitCode;
  }

  /** At the same address, with the same data and token. */
  async restart(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Lets it drain; its own PostgreSQL, if it has one, stops with it. */
  stop(): Promise<number | null> {
    return this.kill("SIGTERM");
  }

  async #becomesReady(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + readyDeadlineMs;
    while (isRunning(child) && Date.now() < deadline) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await delay(25);
    }
    child.kill("SIGKILL");
    throw new Error(`the server did not become ready; it said:\n${this.output}`);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** The settings of whoever runs the tests are not the test server's. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const settings =
    /^(DATABASE_|DATA_DIR$|SERVER_PORT$|ADMIN_TOKEN$|ALLOWED_ORIGINS$|SYNC_INTERVAL_SECONDS$|API_BASE_URL$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !settings.test(name)));
}
