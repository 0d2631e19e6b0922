// Loaded in front of a server under test: SIGUSR2 collects its garbage, so that what a link holds can be told from what it left behind.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
process.on("SIGUSR2", () => collect());
