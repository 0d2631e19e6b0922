/**
 * Everything that a replica takes from its host: clock, randomness, timers, sockets, storage, tabs. A simulator with virtual time hands in
 * its own; browser.ts holds the real ones.
 */
import type { Identity } from "./api.ts";
import type { LocalStore } from "./local-store.ts";
import type { OpenLink } from "./transports/link.ts";

export interface Environment {
  /** Wall clock, epoch ms. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** A new UUID v7. */
  newId(): string;
  /** @returns cancels it */
  setTimer(run: () => void, delayMs: number): () => void;
  readonly fetch: Fetch;
  readonly openLink: Readonly<Record<"socket.io" | "websocket", OpenLink>>;
  openStore(name: string): Promise<LocalStore>;
  /** Speaks to the other tabs of this name; null where the host has no such thing. */
  openChannel(name: string): Channel | null;
  /** Web Locks; null where the host has none. */
  readonly locks: Locks | null;
  /** Calls when it is likely that the network, or this tab, came back. @returns stops it */
  onNudge(run: () => void): () => void;
  storage(): Promise<StorageState | null>;
  readonly identities: IdentityStore;
}

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

export interface Channel {
  post(message: unknown): void;
  /** Messages of other tabs only. */
  listen(run: (message: unknown) => void): void;
  close(): void;
}

export interface Locks {
  /** Calls `held` once the lock is this tab's, and keeps it until that promise settles. @returns stops waiting for it */
  request(name: string, held: () => Promise<void>): () => void;
}

export interface StorageState {
  readonly persisted: boolean;
  readonly usage?: number;
  readonly quota?: number;
}

/** Where this device keeps who it is. */
export interface IdentityStore {
  load(): Promise<Identity | null>;
  save(identity: Identity): Promise<void>;
  forget(): Promise<void>;
}
