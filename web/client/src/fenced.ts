/** The sync loop's txs: under the fence, with the position in the feed at hand; view and other tabs follow each commit. */
import { commit } from "./commit.ts";
import { checkFence, LeadershipLost } from "./leader.ts";
import type { Durability, LocalStore, SyncRow, WriteTx } from "./local-store.ts";
import type { View } from "./view.ts";

export type Transact = <R>(run: (tx: WriteTx, sync: SyncRow) => Promise<R>, durability?: Durability) => Promise<R>;

export interface FencedHost {
  readonly store: LocalStore;
  readonly view: View;
  readonly fence: number;
  /** This tab committed something. */
  committed(): void;
  lostLeadership(): void;
}

/**
 * Relaxed, unless asked for otherwise: what a power cut takes back is read, or sent, once more. A result that is lost so comes again as a duplicate.
 * @returns a function that throws LeadershipLost once another tab leads
 */
export function fencedTransact(host: FencedHost): Transact {
  return async (run, durability = "relaxed") => {
    const { store, view, fence } = host;
    try {
      const { result, delta } = await commit(store, durability, async (tx) => {
        // asked for together: in a browser every answer is a trip to another process
        const [, sync] = await Promise.all([checkFence(tx, fence), tx.meta("sync")]);
        if (!sync) throw new Error("the local database has not been set up");
        return run(tx, sync);
      });
      await view.apply(delta);
      if (delta) host.committed();
      return result;
    } catch (error) {
      if (error instanceof LeadershipLost) host.lostLeadership();
      throw error;
    }
  };
}
