/** What the load generator drives: a device of whichever system. */
import type { Order } from "@tillwire/protocol/pos/orders";
import type { DeviceKey } from "../shops.ts";

export type SystemName = "thin" | "replica" | "relay" | "hand-rolled";

export interface DeviceOptions {
  readonly url: string;
  /** Tillwire's devices alone have one. */
  readonly key: DeviceKey | null;
  /** Each order of another device or of its own, once, as the device's application would see it. */
  readonly onOrder: (order: Order) => void;
  /** Text of whole orders is of interest; false: arrivals are counted, nothing is parsed. */
  readonly reads: boolean;
  /** It listens to no orders. */
  readonly sellsOnly?: boolean | undefined;
  readonly compressed?: boolean | undefined;
  readonly localAddress?: string | undefined;
}

export interface BenchDevice {
  /** Resolves when it is live and at the head. */
  open(): Promise<void>;
  /** Saved while offline: they leave after `start`, or, of those that have an outbox of their own, as the device opens. */
  queue(orders: readonly Order[]): Promise<void>;
  start(): void;
  /** Resolves when the system has acknowledged the sale. */
  sell(order: Order): Promise<void>;
  /** Whether there is something that it could edit. */
  readonly hasSold?: boolean;
  /** Its latest sale gets its next version. */
  edit?(): Promise<void>;
  /** Resolves when nothing is left in the outbox. */
  drained(): Promise<void>;
  /** What a live device says by itself from time to time. */
  beat?(): void;
  /** Absent: it can't tell. */
  readonly isOpen?: boolean;
  /** Orders that it has. */
  readonly arrived: number;
  /** @throws unless what arrived was in order, gapless and, at the head, equal to the server's */
  verify(orders: number): Promise<void>;
  close(): Promise<void>;
}
