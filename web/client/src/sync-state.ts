/** The seed's sync states, derived from the link and the outbox, never from flags of their own. Pure. */
import type { SyncState } from "./api.ts";
import type { LinkState } from "./link-state.ts";

export interface SyncFacts {
  readonly link: LinkState;
  /** A push is under way, or an HTTP cycle. */
  readonly busy: boolean;
  readonly pending: number;
  /** Last failure since the last success. */
  readonly failure: { readonly code: string; readonly message: string; readonly retryAt: number | null } | null;
  readonly lastSyncAt: number | null;
}

export function syncStateOf({ link, busy, pending, failure, lastSyncAt }: SyncFacts): SyncState {
  if (link.phase === "paused") {
    const code = link.pausedFor === "upgrade" ? "PROTOCOL_VERSION" : "UNAUTHENTICATED";
    return { type: "Error", code: failure?.code ?? code, message: failure?.message ?? "", retryAt: null };
  }
  if (link.phase === "catching up" || busy) return { type: "Syncing", pending };
  if (failure) return { type: "Error", ...failure };
  return lastSyncAt === null ? { type: "Idle" } : { type: "Success", at: lastSyncAt };
}
