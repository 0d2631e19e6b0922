/** Registers the service worker and follows what it is able to do. */
import type { OfflineStart, OfflineStartState } from "./environment.ts";

/** How often a page that stays open for days looks for a new build. */
const LOOK_MS = 30 * 60_000;

/**
 * @param container undefined where there is none: plain http, or a browser without service workers
 * @param reload called once after the waiting build took over
 */
export function watchServiceWorker(
  container: ServiceWorkerContainer | undefined,
  secure: boolean,
  reload: () => void,
): OfflineStart {
  let state: OfflineStartState = {
    kind: container ? "preparing" : secure ? "unsupported" : "insecure",
    updateWaiting: false,
  };
  let waiting: ServiceWorker | null = null;
  let asked = false;
  const listeners = new Set<() => void>();

  function set(next: Partial<OfflineStartState>) {
    state = { ...state, ...next };
    for (const listener of listeners) listener();
  }
  function follow(registration: ServiceWorkerRegistration) {
    const look = () => {
      waiting = registration.waiting;
      // the first worker replaces nobody: no update, only readiness
      set({
        kind: registration.active ? "ready" : state.kind,
        updateWaiting: waiting !== null && registration.active !== null,
      });
    };
    const watch = (worker: ServiceWorker | null) => worker?.addEventListener("statechange", look);
    watch(registration.installing);
    registration.addEventListener("updatefound", () => watch(registration.installing));
    look();
    setInterval(() => void registration.update().catch(() => undefined), LOOK_MS); // without the server there is none to find
  }

  if (container) {
    container
      .register("/service-worker.js", { updateViaCache: "none" })
      .then(follow, () => set({ kind: "unsupported" }));
    container.addEventListener("controllerchange", () => asked && reload());
  }
  return {
    current: () => state,
    onChange(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
    update() {
      asked = true;
      waiting?.postMessage("activate");
    },
  };
}
