/** What the host tells of its storage, read now and then: for people to see, never a reason to stop. */
import type { Environment, StorageState } from "./environment.ts";

const INTERVAL_MS = 60_000;

export class StorageWatch {
  state: StorageState | null = null;
  #cancel = () => {};

  constructor(private readonly env: Pick<Environment, "storage" | "setTimer">) {
    this.#read();
  }

  stop(): void {
    this.#cancel();
  }

  #read(): void {
    this.env.storage().then(
      (state) => (this.state = state),
      () => null,
    );
    this.#cancel = this.env.setTimer(() => this.#read(), INTERVAL_MS);
  }
}
