/** A script device that sells: it keeps its outbox and its place in the feed over lost links, and checks what it is told. */
import type { Changes, Hello, Result, ServerMessage } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import { writeOf } from "../orders.ts";
import { clockMs, sentAtOf } from "../stamp.ts";
import { openLoadLink, type LoadLink, type LoadTransport } from "./load-link.ts";
import { countError, Sample, type Tally } from "./load-tally.ts";

export interface LoadDeviceOptions {
  readonly url: string;
  readonly token: string;
  readonly transport: LoadTransport;
  readonly tally: Tally;
}

const PUSH_WRITES = 100;
const RETRY_MS = { first: 250, most: 5_000 };
/** The server will say the same however often it is asked. */
const FINAL = new Set(["never", "reauthenticate", "upgrade"]);

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

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
  readonly #whenLive: Waiting[] = [];
  /** Sales of this run that arrived here. */
  readonly arrived = new Set<string>();

  constructor(options: LoadDeviceOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#outbox.length + (this.#pushing?.length ?? 0);
  }
  get isLive(): boolean {
    return this.#state === "live";
  }

  /** Resolves when it is at the head. @throws when the server refuses it for good */
  goOnline(): Promise<void> {
    this.#wanted = true;
    if (this.isLive) return Promise.resolve();
    const live = new Promise<void>((resolve, reject) => this.#whenLive.push({ resolve, reject }));
    if (this.#state === "away") this.#connect();
    return live;
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
    const { url, transport, token, tally } = this.#options;
    const app = { name: "load-test", version: "1" };
    const hello: Hello = { type: "hello", protocol: 1, token, syncToken: this.#syncToken, app };
    const link = openLoadLink(transport, url, {
      opened: () => link.send(hello),
      heard: (text) => this.#heard(text),
      sent: (size) => void (tally.bytes += size),
      closed: () => this.#lost(),
    });
    this.#link = link;
  }

  #lost(): void {
    this.#state = "away";
    // No answer came: it is sent again, and recognised where it was taken.
    this.#takeBack();
    if (!this.#wanted) return;
    this.#options.tally.reconnects += 1;
    setTimeout(() => this.#wanted && this.#state === "away" && this.#connect(), this.#retryMs * (0.5 + Math.random()));
    this.#retryMs = Math.min(RETRY_MS.most, this.#retryMs * 2);
  }

  #takeBack(): void {
    if (this.#pushing) this.#outbox.unshift(...this.#pushing);
    this.#pushing = null;
  }

  #push(): void {
    if (this.#state !== "live" || this.#pushing || this.#outbox.length === 0) return;
    this.#pushing = this.#outbox.splice(0, PUSH_WRITES);
    const writes = this.#pushing.map((order) => writeOf(order));
    this.#link!.send({ type: "push", id: `p-${(this.#pushes += 1)}`, writes });
  }

  #heard(text: string): void {
    this.#options.tally.bytes += text.length;
    const message = JSON.parse(text) as ServerMessage;
    switch (message.type) {
      case "changes":
        return this.#frame(message);
      case "pushed":
        return this.#pushed(message.results);
      case "error":
        return this.#failed(message);
      case "reset":
        // The frames that follow begin at 0.
        this.#cursor = 0;
        return countError(this.#options.tally, "RESET");
      default:
    }
  }

  #frame({ from, to, head, syncToken, changes }: Changes): void {
    const { tally } = this.#options;
    if (from !== this.#cursor) countError(tally, "FRAME_OUT_OF_ORDER");
    this.#cursor = to;
    this.#syncToken = syncToken;
    const now = clockMs();
    for (const { collection, localId, data } of changes)
      if (collection === "orders") this.#saw(localId, data as Order | null, now);
    if (to < head || this.#state !== "connecting") return;
    this.#state = "live";
    this.#retryMs = RETRY_MS.first;
    for (const { resolve } of this.#whenLive.splice(0)) resolve();
    this.#push();
  }

  #saw(localId: string, order: Order | null, now: number): void {
    const { tally, transport } = this.#options;
    if (!order?.orderNumber.startsWith(tally.prefix)) return;
    if (this.arrived.has(localId)) return countError(tally, "ARRIVED_TWICE");
    this.arrived.add(localId);
    tally.arrivals += 1;
    const sentAt = sentAtOf(order);
    if (sentAt === null) return;
    let sample = tally.arrived.get(transport);
    if (!sample) tally.arrived.set(transport, (sample = new Sample()));
    sample.add(now - sentAt);
  }

  #pushed(results: readonly Result[]): void {
    const { tally } = this.#options;
    const orders = new Map((this.#pushing ?? []).map((order) => [order.id, order]));
    this.#pushing = null;
    const now = clockMs();
    for (const { outcome, localId, code } of results) {
      if (outcome === "conflict") tally.conflicts += 1;
      if (outcome === "conflict" || outcome === "rejected") {
        countError(tally, code ?? outcome);
        continue;
      }
      tally.acknowledgedIds.add(localId);
      tally.moments.push(now);
      tally.acknowledged.add(now - (sentAtOf(orders.get(localId) ?? {}) ?? now));
    }
    this.#push();
  }

  #failed({ code, message, retry, retryAfterMs = 0 }: ServerMessage & { type: "error" }): void {
    countError(this.#options.tally, code);
    if (FINAL.has(retry) && this.#state === "connecting") {
      this.goOffline();
      for (const { reject } of this.#whenLive.splice(0))
        reject(new Error(`the server refuses a device: ${code}: ${message}`));
      return;
    }
    if (!this.#pushing) return;
    this.#takeBack();
    setTimeout(() => this.#push(), Math.max(retryAfterMs, 100));
  }
}
