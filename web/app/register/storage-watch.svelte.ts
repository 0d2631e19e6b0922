/** How much of this browser's storage there is for the app, looked at from time to time. */
import type { Environment, StorageFacts } from "../environment.ts";
import { storageUse } from "./sync/storage-use.ts";

const LOOK_MS = 60_000;

export class StorageWatch {
  /** null: not known. */
  facts = $state.raw<StorageFacts | null>(null);
  /** Little room is left for what is saved here: something must be done before nothing can be. */
  readonly nearlyFull = $derived.by(() => (this.facts && storageUse(this.facts)?.nearlyFull) ?? false);
  readonly close: () => void;

  constructor(env: Pick<Environment, "storage" | "every">) {
    const look = () =>
      void env
        .storage()
        .then((facts) => (this.facts = facts))
        .catch(() => undefined);
    look();
    this.close = env.every(LOOK_MS, look);
  }
}
