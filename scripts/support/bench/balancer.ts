/** A small TCP balancer: it passes bytes on, and a link whose node does not answer goes to the next one. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { onCleanUp } from "./cleanup.ts";

export interface Balancer {
  readonly url: string;
  /** Links that are open now, by the port of the node that they go to. */
  linksTo(port: number): number;
  close(): Promise<void>;
}

/**
 * @param ports of nodes on this machine
 * @param order "rotate": each link begins with another node; "first": with the first one of `ports`
 */
export async function startBalancer(ports: readonly number[], order: "rotate" | "first"): Promise<Balancer> {
  const open = new Map<Socket, number>();
  let links = 0;
  const server = createServer((near) => {
    const begin = order === "first" ? 0 : (links += 1);
    near.setNoDelay(true);
    near.on("error", () => undefined);
    passOn(near, begin, 0);
  });

  function passOn(near: Socket, begin: number, tried: number): void {
    const port = ports[(begin + tried) % ports.length]!;
    const far = connect({ host: "127.0.0.1", port });
    far.setNoDelay(true);
    far.once("connect", () => {
      open.set(near, port);
      near.pipe(far).pipe(near);
    });
    far.once("error", () => {
      if (!open.has(near) && tried + 1 < ports.length && !near.destroyed) passOn(near, begin, tried + 1);
      else near.destroy();
    });
    far.once("close", () => open.has(near) && near.destroy());
    near.once("close", () => {
      open.delete(near);
      far.destroy();
    });
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    for (const near of open.keys()) near.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const closed = onCleanUp(close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    linksTo: (port) => [...open.values()].filter((each) => each === port).length,
    close() {
      closed();
      return close();
    },
  };
}
