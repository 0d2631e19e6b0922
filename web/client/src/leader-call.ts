/** Asks the leading tab to sync now, and waits for its word. */
import { ERRORS, ReplicationError, type ErrorCode } from "@tillwire/protocol/errors";
import type { SyncReport } from "./api.ts";
import type { Environment } from "./environment.ts";
import type { TabMessage } from "./tabs.ts";

const PATIENCE_MS = 40_000;

interface Call {
  resolve(report: SyncReport): void;
  reject(error: Error): void;
}

export class LeaderCalls {
  readonly #calls = new Map<string, Call>();

  constructor(
    private readonly env: Pick<Environment, "newId" | "setTimer">,
    private readonly post: (message: TabMessage) => void,
  ) {}

  syncNow(): Promise<SyncReport> {
    return new Promise((resolve, reject) => {
      const id = this.env.newId();
      const cancel = this.env.setTimer(() => this.failed(id, "UNAVAILABLE", "no tab leads the sync"), PATIENCE_MS);
      const end = (settle: () => void) => {
        cancel();
        this.#calls.delete(id);
        settle();
      };
      this.#calls.set(id, {
        resolve: (report) => end(() => resolve(report)),
        reject: (error) => end(() => reject(error)),
      });
      this.post({ type: "sync now", id });
    });
  }

  /** Another tab leads now: the former one may never answer. */
  askAgain(): void {
    for (const id of this.#calls.keys()) this.post({ type: "sync now", id });
  }
  /** This tab leads now: it does what it asked for itself, and the others ask it. */
  async leading(syncNow: () => Promise<SyncReport>): Promise<void> {
    this.post({ type: "leading" });
    const calls = [...this.#calls.values()];
    if (calls.length === 0) return;
    try {
      const report = await syncNow();
      for (const call of calls) call.resolve(report);
    } catch (error) {
      for (const call of calls) call.reject(error as Error);
    }
  }

  done(id: string, report: SyncReport): void {
    this.#calls.get(id)?.resolve(report);
  }
  failed(id: string, code: string, message: string): void {
    const known: ErrorCode = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "INTERNAL";
    this.#calls.get(id)?.reject(new ReplicationError(known, message));
  }
  close(): void {
    for (const call of [...this.#calls.values()])
      call.reject(new ReplicationError("UNAVAILABLE", "the replica was closed"));
  }
}

/** What a tab that could not do it answers. */
export function syncFailed(id: string, error: unknown): TabMessage {
  const code = error instanceof ReplicationError ? error.code : "INTERNAL";
  return { type: "sync failed", id, code, message: error instanceof Error ? error.message : "" };
}
