/**
 * The entry: takes what the app needs of the browser, and starts the register. Clock, address, timers and storage are read here and
 * handed down. `/display` and `/admin` will be faces of their own, chosen here by path and loaded when needed.
 */
import "./theme/base.css";
import { mount } from "svelte";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod/mini";
import { enrol, loadIdentity, saveIdentity } from "@tillwire/client/enrol";
import { createReplica } from "@tillwire/client/replica";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import App from "./app.svelte";
import type { Backend } from "./backend.ts";
import type { Environment } from "./environment.ts";
import { watchServiceWorker } from "./service-worker-state.ts";
import { syncIntervalMs } from "./sync-interval.ts";
import { speak } from "./messages/messages.svelte.ts";

declare const __APP_VERSION__: string;

// The content security policy forbids compiling code, which zod would otherwise try.
z.config({ jitless: true });

const env: Environment = {
  origin: location.origin,
  version: __APP_VERSION__,
  languages: navigator.languages,
  now: () => Date.now(),
  newId: () => uuidv7(),
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  print: () => print(),
  saveFile(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  },
  reload: () => location.reload(),
  fragment: {
    read: () => location.hash.slice(1),
    write(fragment, replace = false) {
      const address = location.pathname + location.search + (fragment ? `#${fragment}` : "");
      if (replace) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
    },
    onChange(run) {
      addEventListener("popstate", run);
      return () => removeEventListener("popstate", run);
    },
  },
  tabMemory: {
    read: (key) => sessionStorage.getItem(key),
    write: (key, text) => (text === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, text)),
  },
  offlineStart: watchServiceWorker(import.meta.env.PROD ? navigator.serviceWorker : undefined, isSecureContext, () =>
    location.reload(),
  ),
};

const backend: Backend = {
  loadIdentity: () => loadIdentity(),
  saveIdentity: (identity) => saveIdentity(identity),
  enrol: (code, deviceId) => enrol(env.origin, code, deviceId),
  openReplica: async (identity) => {
    const intervalMs = await syncIntervalMs(env.origin);
    return createReplica({
      url: env.origin,
      identity,
      collections: SHOP_COLLECTIONS,
      presence: true,
      app: { name: "register", version: env.version },
      ...(intervalMs !== undefined && { syncIntervalMs: intervalMs }),
    });
  },
};

speak(env.languages);
const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
mount(App, { target, props: { env, backend } });
