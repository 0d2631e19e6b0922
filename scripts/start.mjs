// `npm start`: from a fresh clone to a running server. Installs and builds what is missing or stale, then runs the server and
// ends with its exit code (0 after it has drained). package.json says `exec`, because a shell in between would swallow signals
// and exit codes; what follows the `||` there is for Windows, whose shell has no exec.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { ensureWebBuilt } from "./support/build-web.mjs";
import { ensureInstalled } from "./support/install.mjs";
import { requireNode, root } from "./support/run.mjs";

requireNode();
await ensureInstalled();
if (!(await ensureWebBuilt())) process.exit(1);
await waitForPort(Number(process.env.SERVER_PORT || 8080));

const preload = pathToFileURL(join(root, "scripts/support/end-with-parent.mjs")).href;
const server = spawn(process.execPath, ["--import", "tsx", "--import", preload, "server/src/main.ts"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit", "ipc"],
  // a process group of its own: a Ctrl-C reaches every process of the terminal's, and the server is to hear it once, from here
  detached: true,
});

let lastSignalAt = -Infinity;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // npm passes on what the terminal has already delivered; a second one that is meant comes later
    if (performance.now() - lastSignalAt < 500) return;
    lastSignalAt = performance.now();
    server.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
  });
}
if (process.env.npm_lifecycle_event) endWithNpm();

server.once("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

/** An npm that is killed cannot pass that on either. Started any other way, a parent may end and mean nothing by it. */
function endWithNpm() {
  const npm = [process.ppid, ancestry(process.ppid).parent].find((pid) => ancestry(pid).command.startsWith("npm"));
  if (!npm) return;
  const timer = setInterval(() => {
    // its number lives on while nobody has reaped it; its command line does not
    if (ancestry(npm).command.startsWith("npm")) return;
    clearInterval(timer);
    server.kill("SIGTERM");
  }, 1000);
  timer.unref();
}

/** Who started a process, and its command line. */
function ancestry(pid) {
  try {
    // a slim container has no ps
    const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1];
    return { parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, "utf8") };
  } catch {
    const { stdout } = spawnSync("ps", ["-o", "ppid=,command=", "-p", String(pid)], { encoding: "utf8" });
    const [, parent, command = ""] = /^\s*(\d+)\s+(.*)/.exec(stdout ?? "") ?? [];
    return { parent: Number(parent), command };
  }
}

/** A server whose npm was killed a moment ago may still be draining. */
async function waitForPort(port) {
  // what is no port the server says itself, in words
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return;
  for (let attempt = 0; attempt < 50 && !(await isFree(port)); attempt++) {
    if (attempt === 5) console.log(`Port ${port} is in use; waiting a little for it ...`);
    await delay(200);
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
