/** Builds page.ts into one script, which a page can be given. */
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../../..");

export default {
  root,
  configFile: false,
  logLevel: "error",
  publicDir: false,
  build: {
    outDir: resolve(root, "test-output/bench/page"),
    emptyOutDir: true,
    target: "es2022",
    lib: {
      entry: resolve(import.meta.dirname, "page.ts"),
      formats: ["iife"],
      name: "benchPage",
      fileName: () => "page.js",
    },
  },
};
