/** Keeps the screen on for as long as the page is in sight, and says where it can't. */
export type AwakeState = "held" | "waiting" | "insecure" | "unsupported" | "refused";

export interface Awake {
  current(): AwakeState;
  onChange(run: () => void): () => void;
}

export function keepAwake({ wakeLock }: { readonly wakeLock?: WakeLock }, page: Document, secure: boolean): Awake {
  const listeners = new Set<() => void>();
  let state: AwakeState = wakeLock ? "waiting" : secure ? "unsupported" : "insecure";
  const set = (next: AwakeState) => {
    state = next;
    listeners.forEach((run) => run());
  };
  async function hold() {
    if (!wakeLock || state === "held" || page.visibilityState !== "visible") return;
    try {
      const lock = await wakeLock.request("screen");
      // browsers take it back when the page is hidden
      lock.addEventListener("release", () => set("waiting"), { once: true });
      set("held");
    } catch {
      set("refused");
    }
  }
  page.addEventListener("visibilitychange", () => void hold());
  void hold();
  return {
    current: () => state,
    onChange(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
  };
}
