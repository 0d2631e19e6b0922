/** The least that speaks Tillwire's protocol: it keeps no data, but checks that frames follow one another. */
import { hashOf } from "@tillwire/protocol/hash";
import type { Changes, Pushed, ServerMessage, Write } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import { writeOf } from "../orders.ts";
import type { BenchDevice, DeviceOptions } from "./device.ts";
import { openRawSocket, type RawSocket } from "./raw-socket.ts";

/** Writes a push, as @tillwire/client sends them where they are small. */
const PUSH_WRITES = 500;
const CHANGES = Buffer.from('{"type":"changes","from":');
const TAKEN = new Set(["accepted", "duplicate", "merged"]);

export class ThinDevice implements BenchDevice {
  readonly #options: DeviceOptions;
  #socket: RawSocket | null = null;
  #cursor = 0;
  #syncToken: string | null = null;
  #count = 0;
  #fault: string | null = null;
  #pushes = 0;
  readonly #waiting = new Map<string, { size: number; resolve: () => void; reject: (error: Error) => void }>();
  readonly #queue: { size: number; text: string }[] = [];
  readonly #sold: string[] = [];
  #last: Write | null = null;
  #leaving: Promise<void> | null = null;
  #pushing: Promise<void> | null = null;
  #live: (() => void) | null = null;
  #draining: Promise<void> = Promise.resolve();

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  get arrived(): number {
    return this.#count;
  }
  get isOpen(): boolean {
    return this.#socket?.isOpen ?? false;
  }

  async open(): Promise<void> {
    this.#fault = null;
    const { url, key, compressed, localAddress } = this.#options;
    const onText = (payload: Buffer): void => this.#heard(payload);
    this.#socket = await openRawSocket({ url: `${url}/sync`, onText, compressed, localAddress });
    const live = new Promise<void>((resolve, reject) => {
      this.#live = resolve;
      void this.#socket!.closed.then(() => this.#lost(reject));
    });
    const collections = this.#options.sellsOnly ? { collections: ["staff"] } : {};
    const hello = { type: "hello", protocol: 1, token: key!.token, syncToken: this.#syncToken, ...collections };
    this.#socket.send(JSON.stringify(hello));
    await live;
  }

  start(): void {
    this.#draining = this.#drain();
  }

  async queue(orders: readonly Order[]): Promise<void> {
    for (let start = 0; start < orders.length; start += PUSH_WRITES) {
      const writes = orders.slice(start, start + PUSH_WRITES).map((order) => writeOf(order));
      this.#queue.push({ size: writes.length, text: JSON.stringify(writes) });
    }
  }

  /** One push is under way at a time: what is sold meanwhile leaves together with the next. */
  sell(order: Order): Promise<void> {
    return this.#leave(writeOf(order));
  }

  get hasSold(): boolean {
    return this.#last !== null;
  }

  /** As @tillwire/client does with every heartbeat. */
  beat(): void {
    const clock = Date.now();
    const status = { type: "status", cursor: this.#cursor, pending: 0, failed: 0, conflicts: 0, clock };
    this.#socket?.send(JSON.stringify({ type: "ping", clock }));
    this.#socket?.send(JSON.stringify(status));
  }

  edit(): Promise<void> {
    const { syncVersion, hash, data, ...rest } = this.#last!;
    const edited = { ...(data as Order), notes: `edit ${syncVersion}` };
    const base = { version: syncVersion, hash };
    return this.#leave({ ...rest, syncVersion: syncVersion + 1, base, hash: hashOf(edited), data: edited });
  }

  #leave(write: Write): Promise<void> {
    this.#last = write;
    this.#sold.push(JSON.stringify(write));
    this.#leaving ??= this.#pushSold();
    return this.#leaving;
  }

  drained(): Promise<void> {
    return this.#draining;
  }

  async verify(orders: number): Promise<void> {
    if (this.#fault !== null) throw new Error(this.#fault);
    if (this.#count !== orders) throw new Error(`${this.#count} orders arrived, not ${orders}`);
  }

  async close(): Promise<void> {
    this.#socket?.close();
  }

  async #pushSold(): Promise<void> {
    // even if nothing is under way: what is sold in this turn goes along
    await this.#pushing?.catch(() => undefined);
    this.#leaving = null;
    const sold = this.#sold.splice(0);
    this.#pushing = this.#push(sold.length, `[${sold.join(",")}]`);
    await this.#pushing;
  }

  async #drain(): Promise<void> {
    for (const { size, text } of this.#queue) await this.#push(size, text);
  }

  /** @param writes the JSON text of `size` of them */
  #push(size: number, writes: string): Promise<void> {
    const id = `p-${(this.#pushes += 1)}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { size, resolve, reject });
      this.#socket!.send(`{"type":"push","id":"${id}","writes":${writes}}`);
    });
  }

  #lost(reject: (error: Error) => void): void {
    const error = new Error(this.#fault ?? "the link was lost");
    reject(error);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  #heard(payload: Buffer): void {
    if (payload.subarray(0, CHANGES.length).equals(CHANGES)) return this.#frame(payload);
    const message = JSON.parse(payload.toString()) as ServerMessage;
    if (message.type === "pushed") this.#pushed(message);
    else if (message.type === "error") {
      this.#fault ??= `${message.code}: ${message.message}`;
      const waiting = message.requestId === undefined ? undefined : this.#waiting.get(message.requestId);
      waiting?.reject(new Error(message.code));
    } else if (message.type === "reset") this.#fault = `reset: ${message.reason}`;
  }

  #pushed({ id, results }: Pushed): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    const bad = results.find(({ outcome }) => !TAKEN.has(outcome));
    if (bad) waiting?.reject(new Error(`${bad.outcome} ${bad.code ?? ""}: ${bad.message ?? ""}`));
    else if (results.length !== waiting?.size) waiting?.reject(new Error(`${results.length} results`));
    else waiting.resolve();
  }

  #frame(payload: Buffer): void {
    const { from, to, head } = this.#options.reads ? this.#read(payload) : this.#countOnly(payload);
    if (from !== this.#cursor) this.#fault ??= `a frame from ${from} came at ${this.#cursor}`;
    this.#cursor = to;
    if (to >= head) this.#live?.();
  }

  #read(payload: Buffer): Pick<Changes, "from" | "to" | "head"> {
    const frame = JSON.parse(payload.toString()) as Changes;
    this.#syncToken = frame.syncToken;
    for (const { collection, data } of frame.changes) {
      if (collection !== "orders") continue;
      this.#count += 1;
      this.#options.onOrder(data as Order);
    }
    return frame;
  }

  /** What a frame says in front of its changes; new orders alone: as many as the cursor moves by. */
  #countOnly(payload: Buffer): Pick<Changes, "from" | "to" | "head"> {
    const text = payload.toString("latin1", 0, Math.min(payload.length, 400));
    const found = /^\{"type":"changes","from":(\d+),"to":(\d+),"head":(\d+),"syncToken":"([^"]*)"/.exec(text);
    if (!found) throw new Error("a frame begins otherwise than this program knows");
    const [from, to, head] = [Number(found[1]), Number(found[2]), Number(found[3])];
    this.#syncToken = found[4]!;
    this.#count += to - from;
    return { from, to, head };
  }
}
