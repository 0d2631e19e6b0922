/** A device of the raw relay: what it sends comes back to all, itself included, and that is its acknowledgement. */
import type { Order } from "@tillwire/protocol/pos/orders";
import type { BenchDevice, DeviceOptions } from "./device.ts";
import { openRawSocket, type RawSocket } from "./raw-socket.ts";

/** Messages under way while a queue is sent: the relay has no other brake. */
const WINDOW = 64;

export class RelayDevice implements BenchDevice {
  readonly #options: DeviceOptions;
  readonly #replica = new Map<string, Order>();
  readonly #waiting = new Map<string, () => void>();
  #socket: RawSocket | null = null;
  #count = 0;
  #queue: readonly Order[] = [];
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
    const { url, localAddress } = this.#options;
    this.#socket = await openRawSocket({ url: `${url}/`, onText: (payload) => this.#heard(payload), localAddress });
  }

  start(): void {
    this.#draining = this.#drain();
  }

  async queue(orders: readonly Order[]): Promise<void> {
    this.#queue = orders;
  }

  sell(order: Order): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(order.id, resolve);
      this.#socket!.send(JSON.stringify(order));
    });
  }

  drained(): Promise<void> {
    return this.#draining;
  }

  async verify(orders: number): Promise<void> {
    if (this.#count !== orders) throw new Error(`${this.#count} orders arrived, not ${orders}`);
  }

  async close(): Promise<void> {
    this.#socket?.close();
  }

  async #drain(): Promise<void> {
    const waiting = [...this.#queue];
    const one = async (): Promise<void> => {
      for (let order = waiting.shift(); order; order = waiting.shift()) await this.sell(order);
    };
    await Promise.all(Array.from({ length: WINDOW }, one));
  }

  #heard(payload: Buffer): void {
    this.#count += 1;
    if (!this.#options.reads) return;
    const order = JSON.parse(payload.toString()) as Order;
    this.#replica.set(order.id, order);
    this.#waiting.get(order.id)?.();
    this.#waiting.delete(order.id);
    this.#options.onOrder(order);
  }
}
