/** SYNC_INTERVAL_SECONDS, as the server last told it: a setting that must not hold up a start without the server. */
const KEY = "tillwire:sync-interval-seconds";
const PATIENCE_MS = 1_000;

/** @returns undefined where the server never told: the client's default then */
export async function syncIntervalMs(origin: string): Promise<number | undefined> {
  const asked = askServer(origin);
  const known = Number(localStorage.getItem(KEY));
  // What the server says now holds from the next start on; the first one follows enrolling, so the server is there.
  const seconds = known > 0 ? known : await asked;
  return seconds === undefined ? undefined : seconds * 1_000;
}

async function askServer(origin: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${origin}/api/config`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const { syncIntervalSeconds } = (await response.json()) as { syncIntervalSeconds?: unknown };
    if (typeof syncIntervalSeconds !== "number" || !(syncIntervalSeconds > 0)) return undefined;
    localStorage.setItem(KEY, String(syncIntervalSeconds));
    return syncIntervalSeconds;
  } catch {
    return undefined;
  }
}
