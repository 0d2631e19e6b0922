/**
 * Notices that the database is not the one it was: its system identifier (other files) or timeline (recovered to a point in time)
 * differs. Devices may then hold what it lost, so every store begins a new epoch. Looked at with every new connection to listen on.
 */
import type { Logger } from "pino";
import { epochAfter } from "./epoch.ts";
import type { ShopStore } from "./store/shop-store.ts";
import type { ReplicationStore } from "./store/store.ts";

export interface RestoreWatch {
  check(): Promise<void>;
}

const SETTING = "database_identity";

export function createRestoreWatch(
  shops: ShopStore,
  store: ReplicationStore,
  newEpoch: () => string,
  onNewEpoch: (storeId: string, epoch: string) => void,
  log: Logger,
): RestoreWatch {
  return {
    async check() {
      const identity = await shops.readDatabaseIdentity();
      if (identity === null) return;
      const known = await shops.keepSetting(SETTING, identity);
      if (known === identity) return;
      log.warn("The database was restored or moved: every store begins a new epoch");
      for (const { storeId } of await shops.list()) {
        const head = await store.readHead(storeId);
        if (head)
          onNewEpoch(storeId, await store.beginEpoch(storeId, head.epoch, epochAfter(newEpoch(), head.epoch), true));
      }
      // Last: a node that fails on the way, or another one at the same time, begins once more, which costs a read and loses nothing.
      await shops.swapSetting(SETTING, known, identity);
    },
  };
}
