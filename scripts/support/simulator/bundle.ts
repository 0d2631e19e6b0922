/**
 * The workers' program in one file. It starts in a tenth of the time that its hundreds of sources take, and is not given what tsx gives every
 * function, a name set as it is made: that alone costs a tenth of a run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What is in the bundle of CommonJS asks for its parts with `require`. */
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

export interface Bundle {
  readonly path: string;
  /** Deletes it. */
  dispose(): void;
}

/** worker.ts with all that it imports, as the sources are now. */
export async function bundleWorker(): Promise<Bundle> {
  const directory = mkdtempSync(join(tmpdir(), "tillwire-simulator-"));
  const path = join(directory, "worker.mjs");
  const dispose = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    await build({
      entryPoints: [fileURLToPath(new URL("worker.ts", import.meta.url))],
      outfile: path,
      ...{ bundle: true, platform: "node", format: "esm", target: "node20", logLevel: "error" },
      banner: { js: REQUIRE },
    });
  } catch (error) {
    dispose();
    throw error;
  }
  return { path, dispose };
}
