/** The environment of a browser tab. Nothing here needs a secure context: what is missing on plain http is left out. */
import { v7 } from "uuid";
import type { Channel, Environment, Locks, StorageState } from "./environment.ts";
import { indexedDbIdentity } from "./identity-db.ts";
import { openIndexedDb } from "./indexed-db.ts";
import { webSocketLinks } from "./transports/websocket.ts";
import { openSocketIo } from "./transports/socket-io.ts";

// Named here, called below: the rest of the client may not (see the linter's "hidden inputs").
const { setTimeout: startTimer } = globalThis;

/** @param overrides what a host has of its own, for example `openStore` or `openLink` in Node */
export function browserEnvironment(overrides: Partial<Environment> = {}): Environment {
  return {
    now: Date.now,
    random: Math.random,
    newId: () => v7(),
    setTimer(run, delayMs) {
      const timer = startTimer(run, delayMs);
      return () => clearTimeout(timer);
    },
    fetch: (url, init) => fetch(url, init),
    openLink: { "socket.io": openSocketIo, websocket: webSocketLinks((url) => new WebSocket(url)) },
    openStore: openIndexedDb,
    openChannel: typeof BroadcastChannel === "undefined" ? () => null : broadcast,
    locks: typeof navigator === "undefined" || !navigator.locks ? null : webLocks(navigator.locks),
    onNudge,
    storage: storageOnceAsked(),
    identities: indexedDbIdentity(),
    ...overrides,
  };
}

function broadcast(name: string): Channel {
  const channel = new BroadcastChannel(name);
  return {
    post: (message) => channel.postMessage(message),
    listen(run) {
      channel.onmessage = (event: MessageEvent<unknown>) => run(event.data);
    },
    close: () => channel.close(),
  };
}

function webLocks(locks: LockManager): Locks {
  return {
    request(name, held) {
      const waiting = new AbortController();
      // Rejects when the wait is given up, which is no news.
      locks.request(name, { signal: waiting.signal }, held).catch(() => undefined);
      return () => waiting.abort();
    },
  };
}

function onNudge(run: () => void): () => void {
  if (typeof window === "undefined") return () => {};
  const onVisible = () => {
    if (document.visibilityState === "visible") run();
  };
  window.addEventListener("focus", run);
  window.addEventListener("online", run);
  window.addEventListener("pageshow", run);
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    window.removeEventListener("focus", run);
    window.removeEventListener("online", run);
    window.removeEventListener("pageshow", run);
    document.removeEventListener("visibilitychange", onVisible);
  };
}

/** Whether storage is kept is looked up as often as one likes, but asked for once: some browsers ask the person every time. */
function storageOnceAsked(): () => Promise<StorageState | null> {
  let asked = false;
  return async () => {
    // absent in insecure contexts, whatever its type says
    const manager = typeof navigator === "undefined" ? undefined : (navigator.storage as StorageManager | undefined);
    if (!manager) return null;
    let persisted = await manager.persisted();
    if (!persisted && !asked) {
      asked = true;
      persisted = await manager.persist();
    }
    const { usage, quota } = await manager.estimate();
    return { persisted, ...(usage === undefined ? {} : { usage }), ...(quota === undefined ? {} : { quota }) };
  };
}
