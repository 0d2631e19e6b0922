/** What the nodes of a simulated run asked of their database, in the order in which it was carried out, with every answer. */
import type { Database } from "@tillwire/server/store/database";
import type { MemoryDatabase } from "@tillwire/server/store/memory-database";

type Service = Exclude<keyof Database, "board">;

/** How a call ended. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

export interface RecordedCall {
  readonly kind: "call";
  /** The database's clock, epoch ms. */
  readonly at: number;
  readonly service: Service;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly outcome: Promise<Outcome>;
}

/** A copy of the database was kept, or one was put in its place. */
export interface RecordedCopy {
  readonly kind: "kept" | "restored";
  readonly copy: object;
}

export type Recorded = RecordedCall | RecordedCopy;

export class Recording {
  readonly entries: Recorded[] = [];
  /** What was asked; null: nothing was yet. */
  memory: MemoryDatabase | null = null;

  /** The same services, whose calls are written down. The board is none of them: what it says is a hint. */
  of(services: Database, memory: MemoryDatabase): Database {
    this.memory = memory;
    const { now } = memory;
    return Object.fromEntries(
      Object.entries(services).map(([service, methods]: [string, Methods]) => [
        service,
        service === "board" ? methods : this.#listen(service as Service, methods, now),
      ]),
    ) as unknown as Database;
  }

  kept(copy: object): void {
    this.entries.push({ kind: "kept", copy });
  }
  restored(copy: object): void {
    this.entries.push({ kind: "restored", copy });
  }

  #listen(service: Service, methods: Methods, now: () => number): Methods {
    return Object.fromEntries(
      Object.entries(methods).map(([method, call]) => [
        method,
        (...args: unknown[]) => {
          const asked = structuredClone(args);
          // Carried out in this very step, as everything in memory is; whoever asked waits for nothing more than before.
          const answer = call(...args);
          const outcome = answer.then(
            (value): Outcome => ({ value: structuredClone(value) }),
            (error: unknown): Outcome => ({ error }),
          );
          this.entries.push({ kind: "call", at: now(), service, method, args: asked, outcome });
          return answer;
        },
      ]),
    );
  }
}

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;
