/** One live link to the server, whatever carries it. Transports implement this and never interpret a message. */
import type { DeviceMessage } from "@tillwire/protocol/messages";

export interface Link {
  send(message: DeviceMessage): void;
  /** No event comes after this. */
  close(): void;
}

/** None of them is called before `OpenLink` has returned. */
export interface LinkEvents {
  /** Messages can be sent now. */
  opened(): void;
  /** A JSON value as received, not yet checked. */
  received(message: unknown): void;
  /** Once, also when it never opened. */
  closed(end: LinkEnd): void;
}

export interface LinkEnd {
  /** WebSocket close code, where there was one. */
  readonly code: number | null;
  readonly reason: string;
}

/** @param url origin of the server, for example `https://shop.example` */
export type OpenLink = (url: string, events: LinkEvents) => Link;
