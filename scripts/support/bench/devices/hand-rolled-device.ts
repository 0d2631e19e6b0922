/** A device of the hand-rolled server: socket.io with acknowledgements, everything in a Map. */
import type { Order } from "@tillwire/protocol/pos/orders";
import { io, type Socket } from "socket.io-client";
import type { BenchDevice, DeviceOptions } from "./device.ts";

export class HandRolledDevice implements BenchDevice {
  readonly #options: DeviceOptions;
  readonly #replica = new Map<string, Order>();
  #socket: Socket | null = null;
  #queue: readonly Order[] = [];
  #draining: Promise<unknown> = Promise.resolve();

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  get arrived(): number {
    return this.#replica.size;
  }

  async open(): Promise<void> {
    const socket = io(this.#options.url, { transports: ["websocket"], forceNew: true });
    this.#socket = socket;
    socket.on("order", (order: Order) => this.#heard(order));
    await new Promise<void>((resolve, reject) => {
      socket.on("connect", () => resolve());
      socket.on("connect_error", reject);
    });
    // It asks for everything that there is, and is live from then on.
    for (const order of (await socket.emitWithAck("all")) as Order[]) this.#heard(order);
  }

  start(): void {
    this.#draining = Promise.all(this.#queue.map((order) => this.sell(order)));
  }

  async queue(orders: readonly Order[]): Promise<void> {
    this.#queue = orders;
  }

  async sell(order: Order): Promise<void> {
    await this.#socket!.emitWithAck("order", order);
  }

  async drained(): Promise<void> {
    await this.#draining;
  }

  async verify(orders: number): Promise<void> {
    if (this.#replica.size !== orders) throw new Error(`${this.#replica.size} orders arrived, not ${orders}`);
  }

  async close(): Promise<void> {
    this.#socket?.disconnect();
  }

  #heard(order: Order): void {
    this.#replica.set(order.id, order);
    this.#options.onOrder(order);
  }
}
