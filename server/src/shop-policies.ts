/**
 * Conflict policies that a shop sets for itself, at run time. They hold from the next commit on, on every node: what decides reads the policy
 * with the record, and the commit refuses what was decided by an earlier one.
 */
import type { CollectionSet } from "@tillwire/protocol/collection";
import { ReplicationError } from "@tillwire/protocol/errors";
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import type { Gate } from "./gate.ts";
import type { PolicyChanges, PolicySettings, ShopStore } from "./store/shop-store.ts";

export interface CollectionPolicy {
  readonly collection: string;
  readonly declared: ConflictPolicy;
  /** By the shop; null: as declared. */
  readonly set: ConflictPolicy | null;
  /** The one in force. */
  readonly policy: ConflictPolicy;
}

export interface PolicyReport {
  readonly policies: readonly CollectionPolicy[];
  /** Counts the changes. */
  readonly version: number;
}

export interface PolicyDesk {
  read(storeId: string): Promise<PolicyReport>;
  /** All of them or none. @throws ReplicationError UNPROCESSABLE for a collection that is unknown or that only the server writes */
  set(storeId: string, policies: PolicySettings): Promise<PolicyReport & { readonly changed: PolicyChanges }>;
}

export function createShopPolicies(collections: CollectionSet, shops: ShopStore, gate: Gate): PolicyDesk {
  const settable = [...collections.values()].filter(({ writableBy }) => writableBy.length > 0);

  async function read(storeId: string): Promise<PolicyReport> {
    const { set, version } = await gate.run(() => shops.readPolicies(storeId), storeId);
    const policies = settable.map(({ name, policy: declared }) => {
      const own = set.get(name) ?? null;
      return { collection: name, declared, set: own, policy: own ?? declared };
    });
    return { policies, version };
  }

  return {
    read,
    async set(storeId, policies) {
      for (const name of Object.keys(policies)) {
        if (!collections.has(name)) throw new ReplicationError("UNPROCESSABLE", `no collection ${name}`);
        if (!settable.some((collection) => collection.name === name))
          throw new ReplicationError("UNPROCESSABLE", `only the server writes ${name}`);
      }
      const changed = await gate.run(() => shops.setPolicies(storeId, policies, "admin"), storeId);
      return { ...(await read(storeId)), changed };
    },
  };
}
