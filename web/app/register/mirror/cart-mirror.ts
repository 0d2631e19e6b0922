/**
 * Writes what is to be mirrored: at most every 300 ms, always the latest, and never a second time while the write before waits to be sent, so that
 * a register without its server keeps one row for it and no more.
 */
import type { CartContent } from "./mirrored-cart.ts";

export const PAUSE_MS = 300;

export interface MirrorHost {
  /** Saves it; the mirror hears of its way to the server by `sent`. */
  put(content: CartContent): Promise<unknown>;
  after(ms: number, run: () => void): () => void;
}

export class CartMirror {
  readonly #host: MirrorHost;
  #wanted: CartContent | null = null;
  #written = "";
  /** The last write is not on the server yet. */
  #unsent = false;
  #stopPause: (() => void) | null = null;

  constructor(host: MirrorHost) {
    this.#host = host;
  }

  /** What the display should show now. */
  offer(content: CartContent): void {
    this.#wanted = content;
    this.#write();
  }
  /** Where the record stands, whenever that changes. */
  sent(isSent: boolean): void {
    this.#unsent = !isSent;
    this.#write();
  }
  close(): void {
    this.#stopPause?.();
    this.#wanted = null;
  }

  #write(): void {
    const content = this.#wanted;
    if (!content || this.#unsent || this.#stopPause) return;
    const text = JSON.stringify(content);
    this.#wanted = null;
    if (text === this.#written) return;
    this.#written = text;
    this.#unsent = true;
    this.#stopPause = this.#host.after(PAUSE_MS, () => {
      this.#stopPause = null;
      this.#write();
    });
    this.#host.put(content).catch(() => {
      // nothing was saved: what comes next is written whole again
      this.#written = "";
      this.#unsent = false;
    });
  }
}
