/** Programs of the benchmark in processes of their own, and how they are asked. */
import { fork, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { onCleanUp } from "./cleanup.ts";

const programs = resolve(import.meta.dirname, "programs");

interface Question {
  readonly id: number;
  readonly command: string;
  readonly input: unknown;
}
interface Answer {
  readonly id: number;
  readonly output?: unknown;
  readonly error?: string;
}

export class Program {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (output: never) => void; reject: (error: Error) => void }>();
  #asked = 0;
  readonly #stopped: () => void;

  private constructor(
    readonly name: string,
    child: ChildProcess,
  ) {
    this.#child = child;
    this.#stopped = onCleanUp(() => this.stop());
    child.on("message", (answer: Answer) => this.#answered(answer));
    child.on("exit", (code) => this.#exited(code));
  }

  /** Resolves when it is ready to be asked. */
  static async start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
    const child = fork(resolve(programs, `${name}.ts`), {
      execArgv: ["--import", "tsx", "--max-old-space-size=4096"],
      env: { ...process.env, ...env },
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const program = new Program(name, child);
    await program.ask("ready", null);
    return program;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @throws what the program threw, and when it ended instead */
  ask<T>(command: string, input: unknown): Promise<T> {
    const id = (this.#asked += 1);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // told of it here, a channel that is closed is no uncaught error: a measure that was given up may still ask
      this.#child.send({ id, command, input } satisfies Question, (error) => {
        if (error && this.#waiting.delete(id)) reject(error);
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped();
    if (!this.isRunning) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  #answered({ id, output, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined) waiting?.reject(new Error(`${this.name}: ${error}`));
    else waiting?.resolve(output as never);
  }

  #exited(code: number | null): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.name} ended (${code ?? "signal"})`));
    this.#waiting.clear();
  }
}

/** In a program: answers until the one who asks is gone. */
export function serve(commands: Readonly<Record<string, (input: never) => unknown>>): void {
  const known = new Map(Object.entries(commands));
  process.on("disconnect", () => process.exit(0));
  process.on("message", ({ id, command, input }: Question) => {
    const send = (answer: Answer): void => void process.send?.(answer);
    Promise.resolve()
      .then(() => (command === "ready" ? null : known.get(command)!(input as never)))
      .then(
        (output) => send({ id, output }),
        (error: unknown) => send({ id, error: String((error as Error).stack ?? error) }),
      );
  });
}
