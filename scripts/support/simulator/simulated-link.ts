/**
 * One live link of a machine. It is one ordered stream either way: what is held up is delivered late and in order, and once a byte is lost
 * nothing follows it.
 */
import type { LinkEnd, LinkEvents } from "@tillwire/client/transports/link";
import type { Link, LinkListener } from "@tillwire/server/link";
import type { Network } from "./network.ts";
import type { ServerNode } from "./server-node.ts";

/** Direction: up is from the machine to the server. */
export type Way = "up" | "down";

export interface LinkOwner {
  readonly isAlive: boolean;
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
    /** Among all links that were opened here. */
    private readonly order: number,
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
    const arrive = (): void => {
      if (this.#isOver.server) return;
      this.network.heardFrom(this.order);
      this.network.host.carried("up", text, this);
      this.#listener?.message(text);
    };
    for (let times = this.network.timesCarried(); times > 0; times -= 1) this.#carry("up", arrive);
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
    for (let times = this.network.timesCarried(); times > 0; times -= 1) {
      this.#buffered += text.length;
      this.#carry("down", () => {
        this.#buffered -= text.length;
        this.#tellDevice(() => {
          this.network.host.carried("down", text, this);
          this.events.received(JSON.parse(text));
        });
      });
    }
  }

  /** In order, each way for itself. */
  #carry(way: Way, deliver: () => void): void {
    const { host, lost, slowness } = this.network;
    if (host.random.chance(lost / 1_000)) {
      host.happened("loss");
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
      else this.#hold(way, deliver);
    });
  }

  #hold(way: Way, deliver: () => void): void {
    this.network.host.happened(`one way ${way}`);
    this.#held[way].push(() => !this.isDead && deliver());
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
