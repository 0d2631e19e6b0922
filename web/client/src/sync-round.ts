/** `syncNow()` over a live link: when everything that waited has been answered and the head, as asked for afterwards, is reached. */
import { ReplicationError } from "@tillwire/protocol/errors";
import type { Environment } from "./environment.ts";

const TIMEOUT_MS = 30_000;

interface Round {
  readonly keys: readonly number[];
  /** Head as the server told it after the round began; null: not yet. */
  head: number | null;
  resolve(): void;
  reject(error: Error): void;
}

export class SyncRounds {
  readonly #rounds = new Set<Round>();

  constructor(
    private readonly env: Pick<Environment, "setTimer">,
    private readonly look: { isPending(key: number): boolean; cursor(): number; isAtHead(): boolean },
  ) {}

  /** @param keys of the rows that wait */
  begin(keys: readonly number[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const round: Round = {
        keys,
        head: null,
        resolve: () => end(resolve),
        reject: (error) => end(() => reject(error)),
      };
      const cancel = this.env.setTimer(
        () => round.reject(new ReplicationError("UNAVAILABLE", "no answer in time")),
        TIMEOUT_MS,
      );
      const end = (settle: () => void): void => {
        cancel();
        this.#rounds.delete(round);
        settle();
      };
      this.#rounds.add(round);
    });
  }

  heardHead(head: number): void {
    for (const round of this.#rounds) round.head ??= head;
    this.check();
  }

  /** After every result and frame. */
  check(): void {
    for (const round of [...this.#rounds]) {
      if (round.head === null || this.look.cursor() < round.head || !this.look.isAtHead()) continue;
      if (!round.keys.some((key) => this.look.isPending(key))) round.resolve();
    }
  }

  fail(error: Error): void {
    for (const round of [...this.#rounds]) round.reject(error);
  }
}
