/** The way to a part of the app that could not be fetched. */
const MEMORY = "tillwire.reloaded-for-a-part";
const PAUSE_MS = 60_000;
const ANSWER_MS = 5_000;

/** Browsers remember that a module could not be had until the page is loaded again: the cart and the place outlive that. */
export class Reloading {
  constructor(
    private readonly env: {
      now(): number;
      reload(): void;
      readonly tabMemory: { read(key: string): string | null; write(key: string, text: string | null): void };
    },
  ) {}

  /** Not again and again where that does not help. @returns whether the page is being loaded again */
  byItself(): boolean {
    const last = Number(this.env.tabMemory.read(MEMORY) ?? 0);
    if (this.env.now() - last < PAUSE_MS) return false;
    this.now();
    return true;
  }
  now(): void {
    this.env.tabMemory.write(MEMORY, String(this.env.now()));
    this.env.reload();
  }
}

/** Whether the server is there: a page that is loaded again without it, and without a service worker, would be gone. */
export async function isServerThere(origin: string): Promise<boolean> {
  try {
    const options = { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) } as const;
    return (await fetch(`${origin}/api/config`, options)).ok;
  } catch {
    return false;
  }
}
