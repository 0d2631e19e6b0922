/** A port to listen on, found before it is taken. */
import { createServer } from "node:net";

// Below 32768, where Linux takes the ports of outgoing connections from: one of those could get in first.
const firstPort = 20_000;
const portCount = 12_000;

/** A port of 127.0.0.1 that is free now: `preferred` if possible. */
export async function freePort(preferred?: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = attempt === 0 && preferred ? preferred : firstPort + Math.floor(Math.random() * portCount);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port was found");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
