/**
 * A TCP proxy that fails on demand: what a cable, a router or a proxy in a shop does to a link, for tests and scripts.
 * Faults apply to open connections and new ones alike and last until `heal()`.
 */
import { createServer as createHttpServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { freePort } from "@tillwire/server/free-port";

/** up: towards the target. */
export type Direction = "up" | "down";

interface Cut {
  readonly direction: Direction;
  bytesLeft: number;
  readonly done: () => void;
}

/** Listens on 127.0.0.1, on `port` or any free one, and forwards to `targetPort` there. */
export async function startFaultProxy(targetPort: number, port?: number): Promise<FaultProxy> {
  const proxy = new FaultProxy(targetPort, port ?? (await freePort()));
  await proxy.heal();
  return proxy;
}

export class FaultProxy {
  readonly port: number;
  #targetPort: number;
  readonly #sockets = new Set<Socket>();
  /** Reads requests one by one while live links are blocked; a raw connection is not looked into. */
  readonly #filter = createHttpServer((incoming, outgoing) => this.#filterRequest(incoming, outgoing));
  #server: Server | undefined;
  #cut: Cut | undefined;
  #delayMs = 0;
  #liveBlocked = false;
  #stalled: Promise<void> | undefined;
  #endStall = (): void => undefined;

  constructor(targetPort: number, port: number) {
    this.#targetPort = targetPort;
    this.port = port;
    this.#filter.on("upgrade", (incoming, socket) => {
      if (this.#liveBlocked) refuseRequest(socket);
      else this.#forwardUpgrade(incoming, socket);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Connections that clients have open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** As a load balancer does: connections that are opened from now on go to that port, those that are open stay. Not healed. */
  retarget(port: number): void {
    this.#targetPort = port;
  }

  /** Ends every connection. New ones are taken, unless `refuse` says otherwise. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nobody listens any more; open connections stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    // its callback would wait for the open connections; it stops to listen at once
    server?.close();
    await Promise.resolve();
  }

  /** Lets `bytes` more through in that direction, over all connections, then cuts. Resolves when that has happened. */
  cutAfter(direction: Direction, bytes: number): Promise<void> {
    return new Promise((done) => (this.#cut = { direction, bytesLeft: bytes, done }));
  }

  /** Everything arrives this much later, in its order. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Half-open: connections stay and new ones are taken, but nothing gets through. What was sent arrives after `heal`. */
  stall(): void {
    this.#stalled ??= new Promise((end) => (this.#endStall = end));
    for (const socket of this.#sockets) socket.pause();
  }

  /**
   * As some companies' proxies do: WebSocket upgrades and /socket.io get 403, other HTTP passes. Cuts what is open. On
   * connections that are opened meanwhile, of the other faults only `cut` and `refuse` work.
   */
  blockLive(): void {
    this.#liveBlocked = true;
    this.cut();
  }

  /** Everything works again; connections that survived go on. */
  async heal(): Promise<void> {
    this.#cut = undefined;
    this.#delayMs = 0;
    this.#liveBlocked = false;
    this.#stalled = undefined;
    this.#endStall();
    for (const socket of this.#sockets) socket.resume();
    if (this.#server) return;
    const server = createServer((client) => this.#accept(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
  }

  async close(): Promise<void> {
    await this.refuse();
    this.#endStall();
    this.cut();
  }

  #accept(client: Socket): void {
    this.#sockets.add(client);
    client.setNoDelay(true);
    client.on("error", () => client.destroy());
    client.on("close", () => this.#sockets.delete(client));
    if (this.#liveBlocked) this.#filter.emit("connection", client);
    else this.#join(client);
  }

  #join(client: Duplex): void {
    const target = connect(this.#targetPort, "127.0.0.1");
    target.setNoDelay(true);
    target.on("error", () => client.destroy());
    target.on("close", () => client.destroy());
    client.on("close", () => target.destroy());
    this.#forward("up", client, target);
    this.#forward("down", target, client);
  }

  #forward(direction: Direction, from: Duplex, to: Duplex): void {
    let queue = Promise.resolve();
    const enqueue = (step: () => void): void => {
      const dueAt = performance.now() + this.#delayMs;
      queue = queue.then(() => this.#passage(dueAt)).then(step);
    };
    from.on("data", (chunk: Buffer) => {
      if (this.#stalled) {
        from.pause();
        void this.#stalled.then(() => from.resume());
      }
      enqueue(() => this.#write(direction, chunk, from, to));
    });
    from.on("end", () => enqueue(() => to.end()));
  }

  async #passage(dueAt: number): Promise<void> {
    const waitMs = dueAt - performance.now();
    if (this.#delayMs > 0 && waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    while (this.#stalled) await this.#stalled;
  }

  #write(direction: Direction, chunk: Buffer, from: Duplex, to: Duplex): void {
    if (to.destroyed) return;
    const cut = this.#cut;
    if (cut?.direction === direction) {
      cut.bytesLeft -= chunk.length;
      if (cut.bytesLeft <= 0) {
        this.#cut = undefined;
        to.write(chunk.subarray(0, chunk.length + cut.bytesLeft), () => {
          this.cut();
          cut.done();
        });
        return;
      }
    }
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => from.resume());
  }

  #filterRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#liveBlocked && incoming.url?.startsWith("/socket.io")) {
      outgoing.writeHead(403, { connection: "close" }).end();
      return;
    }
    const { method, url, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port: this.#targetPort, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  /** On a connection that was opened while live links were blocked, and upgraded after that. */
  #forwardUpgrade({ method, url, rawHeaders }: IncomingMessage, socket: Duplex): void {
    const headers = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
    socket.unshift(Buffer.from(`${String(method)} ${String(url)} HTTP/1.1\r\n${headers}\r\n`, "latin1"));
    this.#join(socket);
  }
}

function refuseRequest(socket: Duplex): void {
  socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}
