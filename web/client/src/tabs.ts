/** How the tabs of one local database speak to each other. Every message is a hint or a question; the database is the truth. */
import type { Identity, LinkStatus, SyncReport, SyncState } from "./api.ts";
import type { Channel } from "./environment.ts";
import type { PresentDevice } from "@tillwire/protocol/messages";

/** What the leading tab knows and the others show. */
export interface TabStatus {
  readonly link: LinkStatus;
  readonly syncState: SyncState;
  readonly presence: readonly PresentDevice[];
}

export type TabMessage =
  /** The database was written: read it. */
  | { readonly type: "changed" }
  | { readonly type: "status"; readonly status: TabStatus }
  /** From a new tab. */
  | { readonly type: "status?" }
  | { readonly type: "sync now"; readonly id: string }
  | { readonly type: "synced"; readonly id: string; readonly report: SyncReport }
  | { readonly type: "sync failed"; readonly id: string; readonly code: string; readonly message: string }
  | { readonly type: "identity"; readonly identity: Identity }
  /** From the tab that leads from now on. */
  | { readonly type: "leading" }
  /** The leading tab closes. */
  | { readonly type: "vacant" };

export interface Tabs {
  post(message: TabMessage): void;
  close(): void;
}

/** @param channel null where the host has none: then tabs only meet in the database */
export function joinTabs(channel: Channel | null, heard: (message: TabMessage) => void): Tabs {
  // Tabs of one origin run one build or its neighbour; what a neighbour says and this one does not know is not answered.
  channel?.listen((message) => heard(message as TabMessage));
  return {
    post(message) {
      try {
        channel?.post(message);
      } catch {
        // closed meanwhile: a hint less
      }
    },
    close: () => channel?.close(),
  };
}
