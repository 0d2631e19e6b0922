import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let cluster: string;
beforeEach(() => {
  cluster = fs.mkdtempSync(join(tmpdir(), "postmaster-"));
});
afterEach(() => fs.rmSync(cluster, { recursive: true }));

const canLimit = process.platform === "linux" && process.getuid?.() === 0 && fs.existsSync("/usr/bin/setpriv");

// As in a container: root there may not look into processes of other accounts.
test.skipIf(!canLimit)("the pid file of a server whose process can't be looked into stays", async () => {
  const keepAlive = "console.log(1); setInterval(() => {}, 1000)";
  const server = spawn("setpriv", [
    ...["--reuid=65534", "--clear-groups", process.execPath, "-e", keepAlive, "--", "-D", cluster],
  ]);
  await once(server.stdout, "data");
  try {
    const file = join(cluster, "postmaster.pid");
    fs.writeFileSync(file, `${String(server.pid)}\n${cluster}\n1\n5432\n\n\n\nready\n`);
    const script = `
      const { clearPidFile, runningPostmaster } = await import(${JSON.stringify(join(import.meta.dirname, "postmaster.ts"))});
      clearPidFile(process.argv[1]);
      console.log(runningPostmaster(process.argv[1])?.port);`;
    const looker = spawn("setpriv", [
      ...["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", process.execPath],
      ...["--import", "tsx", "--input-type=module", "-e", script, cluster],
    ]);
    let said = "";

    looker.stdout.on("data", (text: Buffer) => (said += text.toString()));
    await once(looker, "close");
    expect(fs.existsSync(file)).toBe(true);
    expect(said.trim()).toBe("5432");
  } finally {
    server.kill();
  }
});
