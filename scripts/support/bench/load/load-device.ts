/** A script device that sells: it keeps its outbox and its place in the feed over lost links, and checks what it is told. */
import type { Changes, Hello, Push, Result, ServerMessage } from "@tillwire/protocol/messages";
import { sentAtOf, clockMs } from "../stamp.ts";
import { writeOf } from "../orders.ts";
import type { Order } from "@tillwire/protocol/pos/orders";
import { openLoadLink, type LoadLink, type LoadTransport } from "./load-link.ts";

export interface LoadDeviceOptions {
  readonly url: string;
  readonly token: string;
  readonly transport: LoadTransport;
  readonly tally: Tally;
}

/** What all devices of a run have seen together. */
export interface Tally {
  /** Of the order numbers of this run: what earlier runs sold is in the feed as well. */
  readonly prefix: string;
  /** ms from sale to acknowledgement, and from sale to arrival at another device. */
  readonly acknowledged: number[];
  readonly arrived: number[];
  /** Moments of acknowledgement. */
  readonly moments: number[];
  readonly acknowledgedIds: Set<string>;
  /** By id: at how many devices. */
  readonly arrivals: Map<string, number>;
  readonly errors: Map<string, number>;
  conflicts: number;
  bytes: number;
  reconnects: number;
}

export function newTally(prefix: string): Tally {
  return {
    ...{
      prefix,
      acknowledged: [],
      arrived: [],
      moments: [],
      acknowledgedIds: new Set(),
      arrivals: new Map(),
      errors: new Map(),
    },
    ...{ conflicts: 0, bytes: 0, reconnects: 0 },
  };
}

const PUSH_WRITES = 100;
const RETRY_MS = { first: 250, most: 5_000 };

export class LoadDevice {
  readonly #options: LoadDeviceOptions;
  #link: LoadLink | null = null;
  #state: "away" | "connecting" | "live" = "away";
  #wanted = false;
  #retryMs = RETRY_MS.first;
  #syncToken: string | null = null;
  #cursor = 0;
  #pushes = 0;
  #pushing: readonly Order[] | null = null;
  readonly #outbox: Order[] = [];
  #whenLive: (() => void)[] = [];

  constructor(options: LoadDeviceOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#outbox.length + (this.#pushing?.length ?? 0);
  }
  get isLive(): boolean {
    return this.#state === "live";
  }

  /** Resolves when it is at the head. */
  goOnline(): Promise<void> {
    this.#wanted = true;
    if (this.#state === "away") this.#connect();
    return this.isLive ? Promise.resolve() : new Promise((resolve) => this.#whenLive.push(resolve));
  }

  goOffline(): void {
    this.#wanted = false;
    this.#link?.close();
  }

  /** It leaves as soon as there is a link and nothing else is under way. */
  sell(order: Order): void {
    this.#outbox.push(order);
    this.#push();
  }

  #connect(): void {
    this.#state = "connecting";
    const { url, transport, token } = this.#options;
    const hello: Hello = {
      type: "hello",
      protocol: 1,
      token,
      syncToken: this.#syncToken,
      app: { name: "load-test", version: "1" },
    };
    const link = openLoadLink(transport, url, {
      opened: () => link.send(JSON.stringify(hello)),
      heard: (text) => this.#heard(text),
      closed: () => this.#lost(),
    });
    this.#link = link;
  }

  #lost(): void {
    this.#state = "away";
    // No answer came: it is sent again, and recognised where it was taken.
    if (this.#pushing) this.#outbox.unshift(...this.#pushing);
    this.#pushing = null;
    if (!this.#wanted) return;
    this.#options.tally.reconnects += 1;
    setTimeout(() => this.#wanted && this.#state === "away" && this.#connect(), this.#retryMs * (0.5 + Math.random()));
    this.#retryMs = Math.min(RETRY_MS.most, this.#retryMs * 2);
  }

  #push(): void {
    if (this.#state !== "live" || this.#pushing || this.#outbox.length === 0) return;
    this.#pushing = this.#outbox.splice(0, PUSH_WRITES);
    const push: Push = {
      type: "push",
      id: `p-${(this.#pushes += 1)}`,
      writes: this.#pushing.map((order) => writeOf(order)),
    };
    const text = JSON.stringify(push);
    this.#options.tally.bytes += text.length;
    this.#link!.send(text);
  }

  #heard(text: string): void {
    const { tally } = this.#options;
    tally.bytes += text.length;
    const message = JSON.parse(text) as ServerMessage;
    switch (message.type) {
      case "changes":
        return this.#frame(message);
      case "pushed":
        return this.#pushed(message.results);
      case "error":
        return this.#failed(message.code, message.retryAfterMs ?? 0);
      case "reset":
        // The frames that follow begin at 0.
        this.#cursor = 0;
        return this.#count("RESET");
      default:
    }
  }

  #frame({ from, to, head, syncToken, changes }: Changes): void {
    if (from !== this.#cursor) this.#count("FRAME_OUT_OF_ORDER");
    this.#cursor = to;
    this.#syncToken = syncToken;
    const now = clockMs();
    const { arrivals, arrived, prefix } = this.#options.tally;
    for (const { collection, localId, data } of changes) {
      if (collection !== "orders" || !(data as Order | null)?.orderNumber.startsWith(prefix)) continue;
      arrivals.set(localId, (arrivals.get(localId) ?? 0) + 1);
      const sentAt = sentAtOf(data as Order);
      if (sentAt !== null) arrived.push(now - sentAt);
    }
    if (to < head || this.#state !== "connecting") return;
    this.#state = "live";
    this.#retryMs = RETRY_MS.first;
    for (const told of this.#whenLive.splice(0)) told();
    this.#push();
  }

  #pushed(results: readonly Result[]): void {
    const { tally } = this.#options;
    const orders = new Map((this.#pushing ?? []).map((order) => [order.id, order]));
    this.#pushing = null;
    const now = clockMs();
    for (const { outcome, localId, code } of results) {
      if (outcome === "conflict") tally.conflicts += 1;
      if (outcome === "conflict" || outcome === "rejected") {
        this.#count(code ?? outcome);
        continue;
      }
      tally.acknowledgedIds.add(localId);
      tally.moments.push(now);
      tally.acknowledged.push(now - (sentAtOf(orders.get(localId) ?? {}) ?? now));
    }
    this.#push();
  }

  #failed(code: string, retryAfterMs: number): void {
    this.#count(code);
    if (!this.#pushing) return;
    this.#outbox.unshift(...this.#pushing);
    this.#pushing = null;
    setTimeout(() => this.#push(), Math.max(retryAfterMs, 100));
  }

  #count(code: string): void {
    const { errors } = this.#options.tally;
    errors.set(code, (errors.get(code) ?? 0) + 1);
  }
}
