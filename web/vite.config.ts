/** Builds the web app (`web/dist`), and serves it while developing with the API behind a proxy. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";
import { compiledMessages } from "./build/messages-plugin.ts";

const server = process.env["API_BASE_URL"] ?? "http://localhost:8080";
const WORKER = "service-worker.js";
/** Stands in service-worker.ts where the list belongs. */
const PLACEHOLDER = "__PRECACHE_MANIFEST__";
const version = (JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as { version: string })
  .version;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [compiledMessages(), svelte(), tailwindcss(), precache()],
  // RxJS as it was written, not as it is translated for browsers of 2015
  resolve: { conditions: ["es2015", ...defaultClientConditions] },
  define: { __APP_VERSION__: JSON.stringify(version) },
  server: {
    port: 5173,
    proxy: {
      "/api": server,
      "/sync": { target: server, ws: true },
      "/socket.io": { target: server, ws: true },
    },
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    // the content security policy knows no data: fonts, and inline scripts are refused
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // each face of the app is a page of its own, so that none loads what only another one needs
      input: {
        index: "index.html",
        display: "display.html",
        admin: "admin.html",
        "service-worker": "service-worker.ts",
      },
      output: {
        // the worker's address must stay the same from build to build, or browsers would not find its update
        entryFileNames: (chunk) => (chunk.name === "service-worker" ? WORKER : "assets/[name]-[hash].js"),
      },
    },
  },
});

/** Writes into the service worker which files of this build it keeps, and a version that names exactly them. */
function precache(): Plugin {
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
