// Builds the web app when its sources are not those of the last build.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, root, run, seconds, tool } from "./run.mjs";

const sources = ["web", "protocol/src", "package-lock.json"];
const notSources = /^(node_modules|dist|e2e|test|README\.md)$|\.test\.ts$/;
const stamp = join(cache, "web-build");

/** Resolves with whether there is an up-to-date build (or nothing to build). */
export async function ensureWebBuilt() {
  if (!existsSync(join(root, "web/index.html"))) {
    console.log("There is no web app to build yet.");
    return true;
  }
  const hash = hashOfSources();
  if (existsSync(join(root, "web/dist/index.html")) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) {
    return true;
  }
  console.log("Building the web app ...");
  const { ok, ms } = await run(tool("vite"), ["build", "--logLevel", "error"], { cwd: join(root, "web") });
  if (!ok) {
    console.error("The web app could not be built; what vite said stands above.");
    return false;
  }
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, hash);
  console.log(`Web app built in ${seconds(ms)}.`);
  return true;
}

// Contents, not times: a checkout gives old files new times.
function hashOfSources() {
  const hash = createHash("sha256");
  for (const source of sources) addTo(hash, source);
  return hash.digest("hex");
}

function addTo(hash, path) {
  const full = join(root, path);
  let entries;
  try {
    entries = readdirSync(full, { withFileTypes: true });
  } catch {
    hash.update(`${path}\0`).update(readFileSync(full));
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!notSources.test(entry.name)) addTo(hash, `${path}/${entry.name}`);
  }
}
