// Installs the dependencies when what is installed is not what the lock file says.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, run, seconds } from "./run.mjs";

/** Whether `node_modules` holds every package of the lock file in its version (optional ones may be of other platforms). */
export function isInstalled() {
  let installed;
  try {
    installed = readPackages("node_modules/.package-lock.json");
  } catch {
    return false;
  }
  return Object.entries(readPackages("package-lock.json")).every(([path, { version, optional, link }]) => {
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) return true;
    const found = installed[path];
    return found ? link || found.version === version : optional;
  });
}

function readPackages(file) {
  return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
}

export async function ensureInstalled() {
  if (isInstalled()) return;
  console.log("Installing dependencies (npm ci); the first time takes about a minute ...");
  // the npm that runs this script, if one does
  const { npm_execpath: npm } = process.env;
  const args = ["ci", "--no-audit", "--no-fund"];
  const { ok, ms } = npm?.endsWith(".js")
    ? await run(process.execPath, [npm, ...args])
    : await run(process.platform === "win32" ? "npm.cmd" : "npm", args);
  if (!ok) {
    console.error("npm ci failed; what it said stands above.");
    process.exit(1);
  }
  console.log(`Dependencies installed in ${seconds(ms)}.`);
}
