/** Builds the web app (`web/dist`), and serves it while developing with the API behind a proxy. */
import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";
import { precache } from "./precache.ts";

const server = process.env["API_BASE_URL"] ?? "http://localhost:8080";
const version = (JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as { version: string })
  .version;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [svelte(), tailwindcss(), precache()],
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
      input: { index: "index.html", "service-worker": "service-worker.ts" },
      output: {
        // the worker's address must stay the same from build to build, or browsers would not find its update
        entryFileNames: (chunk) => (chunk.name === "service-worker" ? "service-worker.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
