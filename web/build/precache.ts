/** Writes into the service worker which files of this build it keeps, and a version that names exactly them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

export const WORKER = "service-worker.js";
/** Stands in service-worker.ts where the list belongs. */
const PLACEHOLDER = "__PRECACHE_MANIFEST__";

export function precache(): Plugin {
  let publicDir = "";
  return {
    name: "tillwire-precache",
    apply: "build",
    configResolved: (config) => void (publicDir = config.publicDir),
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const worker = bundle[WORKER];
        if (worker?.type !== "chunk") throw new Error(`the build has no ${WORKER}`);
        if (worker.imports.length > 0)
          throw new Error(`${WORKER} must stand alone, for browsers without module workers`);
        const hash = createHash("sha256");
        const urls: string[] = [];
        const keep = (url: string, content: string | Uint8Array) => {
          urls.push(url);
          hash.update(url).update("\0").update(content);
        };
        for (const file of Object.values(bundle).sort((a, b) => (a.fileName < b.fileName ? -1 : 1))) {
          if (file.fileName === WORKER || file.fileName.endsWith(".map")) continue;
          keep(addressOf(file.fileName), file.type === "chunk" ? file.code : file.source);
        }
        for (const name of readdirSync(publicDir).sort()) keep(`/${name}`, readFileSync(join(publicDir, name)));
        const manifest = JSON.stringify({ version: hash.digest("hex").slice(0, 16), urls });
        const code = worker.code.replace(PLACEHOLDER, () => manifest);
        if (code === worker.code) throw new Error(`${WORKER} does not hold ${PLACEHOLDER}`);
        worker.code = code;
      },
    },
  };
}

/** A page by the address that people see: a server may redirect its file's name there, and a redirect answers no navigation. */
function addressOf(fileName: string): string {
  return fileName === "index.html" ? "/" : `/${fileName.replace(/\.html$/, "")}`;
}
