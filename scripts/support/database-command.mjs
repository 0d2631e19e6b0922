// Runs a command that is written in TypeScript, on a fresh clone too: a restore may well be the first thing that a new machine sees.
import { ensureInstalled } from "./install.mjs";
import { requireNode } from "./run.mjs";

/** @param name of a command in `server/src/backup/commands.ts` */
export async function runCommand(name) {
  requireNode();
  await ensureInstalled();
  const { register } = await import("tsx/esm/api");
  register();
  const commands = await import("../../server/src/backup/commands.ts");
  process.exitCode = await commands[name](process.argv.slice(2), process.env);
}
