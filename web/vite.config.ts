/** Builds the web app (`web/dist`), and serves it while developing with the API behind a proxy. */
import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defaultClientConditions, defineConfig } from "vite";
import { firstLoad } from "./build/first-load.ts";
import { compiledMessages } from "./build/messages-plugin.ts";
import { pageTemplate } from "./build/page-template.ts";
import { precache, WORKER } from "./build/precache.ts";

const server = process.env["API_BASE_URL"] ?? "http://localhost:8080";
const version = (JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as { version: string })
  .version;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [pageTemplate(), compiledMessages(), svelte(), tailwindcss(), precache(), firstLoad()],
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
