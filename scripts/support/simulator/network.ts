/** The network of one machine: live links and requests, each with delays of its own, and the ways in which they fail. */
import type { Fetch } from "@tillwire/client/environment";
import type { OpenLink } from "@tillwire/client/transports/link";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { ServerNode } from "./server-node.ts";
import { SimulatedLink, type LinkOwner, type Way } from "./simulated-link.ts";

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
  /** A trouble has had an effect. */
  happened(what: string): void;
}

export class Network {
  /** What passes; false: it is held up, and let go when the way is open again. */
  readonly open: Record<Way, boolean> = { up: true, down: true };
  /** Nothing passes, and the device is told at once. */
  isOff = false;
  /** Of a thousand messages of live links, so many are lost. */
  lost = 0;
  /** Of a hundred requests, and of a thousand messages of live links, so many are carried out twice. */
  doubled = 0;
  /** Bytes that the reader has not taken count as so many. */
  slowness = 1;
  /** The app here is of another time: it speaks another protocol. */
  isOld = false;
  readonly links = new Set<SimulatedLink>();
  /** What was held up is on its way until then, over links that are closed by now, too. */
  heldUntil = 0;
  #opened = 0;
  #latestHeard = 0;

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
    if (this.links.size > 0) this.host.happened("half open");
    for (const link of this.links) link.isDead = true;
  }

  /** What is sent over the present links arrives late: links that are opened meanwhile overtake them. */
  hold(forMs: number): void {
    const until = this.host.schedule.now + forMs;
    for (const link of this.links) link.heldUntil = until;
    if (this.links.size > 0) this.heldUntil = Math.max(this.heldUntil, until);
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
      const link = new SimulatedLink(this, (this.#opened += 1), transport, events, owner);
      this.links.add(link);
      link.connect();
      return { send: (message) => link.sendUp(JSON.stringify(message)), close: () => link.closeByDevice() };
    };
  }

  /** How often a message of a live link arrives: of polled ones a proxy repeats some. */
  timesCarried(): number {
    if (this.doubled === 0 || !this.host.random.chance(this.doubled / 1_000)) return 1;
    this.host.happened("duplication");
    return 2;
  }

  /** @param order of the link that something has arrived over, among all that were opened here */
  heardFrom(order: number): void {
    if (order < this.#latestHeard) this.host.happened("reordering across links");
    this.#latestHeard = Math.max(this.#latestHeard, order);
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
        if (times === 2) this.host.happened("duplication");
        for (let i = 0; i < times; i++)
          schedule.after(this.delay(), () => {
            const doors = this.isOff || !this.open.up ? null : (this.pickNode()?.doors ?? null);
            if (this.isOff || !this.open.up) return;
            if (random.chance(this.lost / 1_000)) return this.host.happened("loss");
            if (!doors) return void schedule.after(this.delay(), () => failed("refused"));
            this.host.carried("up", call.body ?? "", call);
            void doors.handle(call).then((answer) => {
              if (random.chance(this.lost / 1_000)) return this.host.happened("loss");
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
