/** A new world for each test of a file; the replicas that a test opened are closed after it. */
import { afterEach, beforeEach } from "vitest";
import type { Replica } from "../src/api.ts";
import { world, type World } from "./fixtures.ts";

/** @param opened is told before each test; hooks that the file adds itself come after that */
export function openWorldForEachTest(
  opened: (here: { readonly w: World; readonly open: World["open"] }) => void,
): void {
  let replicas: Replica[] = [];
  beforeEach(() => {
    const w = world();
    const open: World["open"] = async (...args) => {
      const replica = await w.open(...args);
      replicas.push(replica);
      return replica;
    };
    opened({ w, open });
  });
  afterEach(async () => {
    for (const replica of replicas) await replica.close();
    replicas = [];
  });
}
