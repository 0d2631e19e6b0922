/** What every face of the app takes from the browser: clock, address, timers and storage are read here and handed down. */
import { v7 as uuidv7 } from "uuid";
import type { Environment } from "./environment.ts";
import type { PrinterPorts } from "./register/receipt/printers.ts";
import { watchServiceWorker } from "./service-worker-state.ts";

declare const __APP_VERSION__: string;

/** So that a page opens in the shop's language, before the shop's settings are read. */
const LANGUAGE = "tillwire.language";

const FILE_KEPT_MS = 10 * 60_000;

export function browserEnvironment(): Environment {
  return {
    origin: location.origin,
    version: __APP_VERSION__,
    languages: [localStorage.getItem(LANGUAGE), ...navigator.languages].filter((tag) => tag !== null),
    rememberLanguage: (tag) => localStorage.setItem(LANGUAGE, tag),
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
    onKey(run, first = false) {
      addEventListener("keydown", run, first);
      return () => removeEventListener("keydown", run, first);
    },
    print: () =>
      new Promise((done) => {
        addEventListener("afterprint", () => done(), { once: true });
        print();
      }),
    // WebUSB and Web Serial, where the browser has them; TypeScript's own types know neither
    printerPorts: navigator as unknown as PrinterPorts,
    saveFile(name, text) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = name;
      link.click();
      // browsers may read it only when somebody has said where it shall go
      setTimeout(() => URL.revokeObjectURL(link.href), FILE_KEPT_MS);
    },
    reload: () => location.reload(),
    goTo: (path) => location.replace(path),
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
    deviceMemory: {
      read: (key) => localStorage.getItem(key),
      write: (key, text) => (text === null ? localStorage.removeItem(key) : localStorage.setItem(key, text)),
    },
    offlineStart: watchServiceWorker(import.meta.env.PROD ? navigator.serviceWorker : undefined, isSecureContext, () =>
      location.reload(),
    ),
    async storage() {
      // absent in insecure contexts, whatever its type says
      const manager = navigator.storage as StorageManager | undefined;
      return manager ? { persisted: await manager.persisted(), ...(await manager.estimate()) } : null;
    },
  };
}
