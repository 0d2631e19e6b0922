// What start.mjs and test.mjs share. Plain Node: on a fresh clone there is nothing else yet.
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
export const cache = join(root, "node_modules/.cache/tillwire");

const oldest = [20, 19];
const signals = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Ends the process with a word of advice if this Node is too old for what follows. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  console.error(`Tillwire needs Node ${oldest.join(".")} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/** How to call a tool that npm installed. */
export function tool(name) {
  return join(root, "node_modules/.bin", process.platform === "win32" ? `${name}.cmd` : name);
}

/**
 * Runs a command in `cwd` (default: the root) and resolves with `{ok, output, ms}`. Its output is shown as it comes, or, with
 * `quiet`, collected in `output`. After `limitMs` it is killed, and was not ok. It leads a process group of its own, so that it
 * ends with all that it started, then and when this process is told to end.
 */
export function run(command, args, { cwd = root, quiet = false, limitMs = 8 * 60_000 } = {}) {
  const begin = performance.now();
  const windows = process.platform === "win32";
  const child = spawn(command, args, {
    cwd,
    shell: windows && command.endsWith(".cmd"),
    detached: !windows,
    stdio: ["ignore", ...(quiet ? ["pipe", "pipe"] : ["inherit", "inherit"])],
  });
  const passOn = (signal) => {
    endGroup(child, signal);
    // after those of the other commands that run
    setImmediate(() => process.exit(1));
  };
  for (const signal of signals) process.on(signal, passOn);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  return new Promise((settle) => {
    const limit = setTimeout(() => {
      console.error(`${command} took longer than ${seconds(limitMs)} and was ended.`);
      endGroup(child, "SIGKILL");
    }, limitMs);
    const end = (ok) => {
      clearTimeout(limit);
      for (const signal of signals) process.off(signal, passOn);
      settle({ ok, output, ms: performance.now() - begin });
    };
    child.once("error", (error) => {
      output += error.message;
      end(false);
    });
    child.once("close", (code) => end(code === 0));
  });
}

function endGroup(child, signal) {
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // it has ended by itself
  }
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
