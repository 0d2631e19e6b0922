/** The short words that something was done: one at a time, gone by themselves. */
import type { Environment } from "../environment.ts";

export interface ToastText {
  readonly text: string;
  readonly tone?: "good" | "warn";
  /** One thing to do about it; the toast goes with it. */
  readonly action?: { readonly label: string; readonly run: () => void };
}

const SHOWN_MS = 4_000;

export class Toasts {
  readonly #env: Pick<Environment, "after">;
  #stop: (() => void) | null = null;
  current = $state.raw<ToastText | null>(null);

  constructor(env: Pick<Environment, "after">) {
    this.#env = env;
  }

  /** The last one stands, for its own time. */
  show(toast: ToastText, ms = SHOWN_MS): void {
    this.hide();
    this.current = toast;
    this.#stop = this.#env.after(ms, () => (this.current = null));
  }

  hide(): void {
    this.#stop?.();
    this.#stop = this.current = null;
  }
}
