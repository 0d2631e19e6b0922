/**
 * The network of one machine: live links and requests, each with delays of its own, and the ways in which they fail. A live link is one
 * ordered stream either way: what is held up is delivered late and in order, and once a byte is lost nothing follows it.
 */
import type { Fetch } from "@tillwire/client/environment";
import type { LinkEnd, LinkEvents, OpenLink } from "@tillwire/client/transports/link";
import type { Link, LinkListener } from "@tillwire/server/link";
import type { ServerNode } from "./server-node.ts";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";

/** Direction: up is from the machine to the server. */
type Way = "up" | "down";

export interface NetworkHost {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly name: string;
  readonly delayMs: readonly [number, number];
  /** Nodes that answer. */
  nodes(): readonly ServerNode[];
  /** A message has arrived. */
  carried(way: Way, text: string, context: object): void;
  /** A message has not, and others after it will. */
  missed(context: object): void;
}

export interface LinkOwner {
  readonly isAlive: boolean;
}

export class Network {
  /** What passes; false: it is held up, and let go when the way is open again. */
  readonly open: Record<Way, boolean> = { up: true, down: true };
  /** Nothing passes, and the device is told at once. */
  isOff = false;
  /** Of a thousand messages of live links, so many are lost. */
  lost = 0;
  /** Of a hundred requests, so many are carried out twice. */
  doubled = 0;
  /** Bytes that the reader has not taken count as so many. */
  slowness = 1;
  /** The app here is of another time: it speaks another protocol. */
  isOld = false;
  readonly links = new Set<SimulatedLink>();

  constructor(readonly host: NetworkHost) {}

  delay(): number {
    return this.host.random.longTailed(...this.host.delayMs);
  }

  setOpen(way: Way, isOpen: boolean): void {
    this.open[way] = isOpen;
    if (isOpen) for (const link of this.links) link.release(way);
  }

  /** From here on nothing of the present links arrives anywhere, and nobody is told. */
  halfOpen(): void {
    for (const link of this.links) link.isDead = true;
  }

  /** What is sent over the present links arrives late: links that are opened meanwhile overtake them. */
  hold(forMs: number): void {
    for (const link of this.links) link.heldUntil = this.host.schedule.now + forMs;
  }

  cut(reason: string): void {
    for (const link of [...this.links]) link.cut({ code: null, reason });
  }

  turnOff(): void {
    this.isOff = true;
    this.cut("offline");
  }

  /** The node's links are gone. @param abruptly without a word: the machine finds out by itself, sooner or later */
  nodeEnded(node: ServerNode, abruptly: boolean): void {
    for (const link of [...this.links]) {
      // Who drains closes its links itself, behind what it has to say.
      if (link.node !== node || (!abruptly && link.isClosedByServer)) continue;
      if (abruptly && this.host.random.chance(0.3)) link.isDead = true;
      else link.cut({ code: null, reason: "reset by the server" });
    }
  }

  /** @param owner the tab that opens it; a dead one hears nothing */
  openLink(transport: "websocket" | "socket.io", owner: LinkOwner): OpenLink {
    return (_url, events) => {
      const link = new SimulatedLink(this, transport, events, owner);
      this.links.add(link);
      link.connect();
      return { send: (message) => link.sendUp(JSON.stringify(message)), close: () => link.closeByDevice() };
    };
  }

  /** A node to turn to, as a load balancer picks it; undefined: none answers. */
  pickNode(): ServerNode | undefined {
    const nodes = this.host.nodes();
    return nodes.length === 0 ? undefined : this.host.random.pick(nodes);
  }

  fetch(isAlive: () => boolean): Fetch {
    return (url, init) =>
      new Promise((resolve, reject) => {
        const { random, schedule } = this.host;
        const failed = (why: string): void => void (isAlive() && reject(new TypeError(why)));
        init.signal?.addEventListener("abort", () => failed("aborted"));
        if (this.isOff) return void schedule.after(1, () => failed("offline"));
        const call = { method: init.method, path: pathOf(url), headers: init.headers, body: init.body };
        const times = random.chance(this.doubled / 100) ? 2 : 1;
        for (let i = 0; i < times; i++)
          schedule.after(this.delay(), () => {
            const doors = this.isOff || !this.open.up ? null : (this.pickNode()?.doors ?? null);
            if (this.isOff || !this.open.up || random.chance(this.lost / 1_000)) return;
            if (!doors) return void schedule.after(this.delay(), () => failed("refused"));
            this.host.carried("up", call.body ?? "", call);
            void doors.handle(call).then((answer) => {
              if (random.chance(this.lost / 1_000)) return;
              schedule.after(this.delay(), () => {
                if (this.isOff || !this.open.down || !isAlive()) return;
                this.host.carried("down", answer.text, call);
                resolve({
                  status: answer.status,
                  headers: { get: (name) => answer.headers.get(name) ?? null },
                  text: async () => answer.text,
                });
              });
            });
          });
      });
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** One live link, from the device's `openLink` to the session's `Link`. */
export class SimulatedLink {
  node: ServerNode | null = null;
  /** Nothing of it arrives anywhere any more. */
  isDead = false;
  /** What goes up arrives no earlier. */
  heldUntil = 0;
  #listener: LinkListener | null = null;
  #isOver = { device: false, server: false };
  #arrival: Record<Way, number> = { up: 0, down: 0 };
  #held: Record<Way, (() => void)[]> = { up: [], down: [] };
  #buffered = 0;

  constructor(
    private readonly network: Network,
    private readonly transport: "websocket" | "socket.io",
    private readonly events: LinkEvents,
    readonly owner: LinkOwner,
  ) {}

  get isClosedByServer(): boolean {
    return this.#isOver.server;
  }

  connect(): void {
    const { network } = this;
    const { schedule } = network.host;
    if (network.isOff) return void schedule.after(5, () => this.#endDevice({ code: null, reason: "offline" }));
    this.#carry("up", () => {
      const node = network.pickNode();
      if (!node?.node) return this.#carry("down", () => this.#endDevice({ code: null, reason: "refused" }));
      this.node = node;
      this.#carry("down", () => this.#tellDevice(() => this.events.opened()));
      this.#listener = node.node.sessions.open(this.#serverEnd());
    });
  }

  sendUp(sent: string): void {
    if (this.#isOver.device) return;
    const text = this.network.isOld ? sent.replace('"type":"hello","protocol":1', '"type":"hello","protocol":9') : sent;
    this.#carry("up", () => {
      if (this.#isOver.server) return;
      this.network.host.carried("up", text, this);
      this.#listener?.message(text);
    });
  }

  closeByDevice(): void {
    this.#isOver.device = true;
    this.network.links.delete(this);
    this.#carry("up", () => this.#endServer());
  }

  /** Both ends learn of it, each in its time. */
  cut(end: LinkEnd): void {
    const { host } = this.network;
    this.network.links.delete(this);
    this.isDead = true;
    host.schedule.after(host.random.int(0, 50), () => this.#endDevice(end));
    host.schedule.after(host.random.int(0, 2_000), () => this.#endServer());
  }

  release(way: Way): void {
    for (const deliver of this.#held[way].splice(0)) deliver();
  }

  #serverEnd(): Link {
    const { transport, network } = this;
    const buffered = (): number => this.#buffered * network.slowness;
    return {
      ...{ transport, remoteAddress: network.host.name },
      get bufferedBytes() {
        return buffered();
      },
      send: (text) => this.#sendDown(text),
      close: (code, reason) => {
        this.#isOver.server = true;
        this.#carry("down", () => this.#endDevice({ code: transport === "websocket" ? code : null, reason }));
      },
    };
  }

  #sendDown(text: string): void {
    this.#buffered += text.length;
    this.#carry("down", () => {
      this.#buffered -= text.length;
      this.#tellDevice(() => {
        this.network.host.carried("down", text, this);
        this.events.received(JSON.parse(text));
      });
    });
  }

  /** In order, each way for itself. */
  #carry(way: Way, deliver: () => void): void {
    const { host, lost, slowness } = this.network;
    if (host.random.chance(lost / 1_000)) {
      // Of a stream all that follows is lost too; proxies that repeat a stream have been seen to leave holes.
      if (host.random.chance(0.5)) this.isDead = true;
      return this.#arriveAt(way, Math.max(this.#arrival[way], host.schedule.now), () => host.missed(this));
    }
    const slow = way === "down" && slowness > 1 ? 20 : 1;
    const arrival = Math.max(this.#arrival[way], host.schedule.now + this.network.delay() * slow);
    const at = way === "up" ? Math.max(arrival, this.heldUntil) : arrival;
    this.#arrival[way] = at;
    this.#arriveAt(way, at, deliver);
  }

  #arriveAt(way: Way, at: number, deliver: () => void): void {
    const { schedule } = this.network.host;
    schedule.after(at - schedule.now, () => {
      if (this.isDead) return;
      if (this.network.open[way] && this.#held[way].length === 0) deliver();
      else this.#held[way].push(() => !this.isDead && deliver());
    });
  }

  #tellDevice(tell: () => void): void {
    if (!this.#isOver.device && this.owner.isAlive) tell();
  }

  #endDevice(end: LinkEnd): void {
    this.network.links.delete(this);
    if (this.#isOver.device) return;
    this.#isOver.device = true;
    if (this.owner.isAlive) this.events.closed(end);
  }

  #endServer(): void {
    if (this.#isOver.server) return;
    this.#isOver.server = true;
    // A node that ended knows of no links any more.
    if (this.node?.node) this.#listener?.closed();
  }
}
