// Loaded before tsx in the mutation check's workers alone: gives one source file another text, as PLANTED_FAULT (JSON) says.
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

const planted = JSON.parse(process.env.PLANTED_FAULT ?? "null");

if (isMainThread && planted) register(import.meta.url);

export async function load(url, context, nextLoad) {
  if (!planted || !url.startsWith("file:")) return nextLoad(url, context);
  const path = fileURLToPath(url.split("?")[0]);
  if (!path.endsWith(planted.file)) return nextLoad(url, context);
  const source = readFileSync(path, "utf8").replace(planted.find, () => planted.replace);
  return { format: "module", source, shortCircuit: true };
}
