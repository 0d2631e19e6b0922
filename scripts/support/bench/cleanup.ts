/** What a measure started, so that one that fails or hangs leaves nothing behind: processes, servers, browsers. */
const running = new Set<() => Promise<unknown>>();

/** @returns to be called where the thing was stopped in an orderly way */
export function onCleanUp(stop: () => Promise<unknown>): () => void {
  running.add(stop);
  return () => void running.delete(stop);
}

/** Stops all that is still there. One that can't be stopped keeps none of the others. */
export async function cleanUp(): Promise<void> {
  const stops = [...running];
  running.clear();
  await Promise.allSettled(stops.map((stop) => stop()));
}
