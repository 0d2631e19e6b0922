/** Does what link-state.ts decides: opens and closes live links, runs the timers, tells the sync loop. */
import type { DeviceMessage, ServerMessage } from "@tillwire/protocol/messages";
import { LINK_BACKOFF, retryDelayMs } from "./backoff.ts";
import type { Environment } from "./environment.ts";
import { step, stoppedLink, type LinkEffect, type LinkEvent, type LinkState } from "./link-state.ts";
import type { Link, LinkEnd } from "./transports/link.ts";
import { parseServerMessage } from "./wire.ts";

/** Without a welcome by then, a try has failed. */
const WELCOME_TIMEOUT_MS = 10_000;
/** Without a live link for so long, polling begins. */
const GRACE_MS = 3_000;

export interface DriverEvents {
  /** The first message of a link. */
  hello(): DeviceMessage;
  received(message: ServerMessage): void;
  /** The live link ended; nothing that was sent over it will be answered. */
  ended(end: LinkEnd): void;
  changed(): void;
  startPolling(): void;
  stopPolling(): void;
  pollNow(): void;
  probe(): void;
}

type Transport = "socket.io" | "websocket";

export class LinkDriver {
  #state: LinkState;
  #link: Link | null = null;
  #isOpen = false;
  #serial = 0;
  #transport: Transport | null = null;
  #cancelRetry: (() => void) | null = null;
  #cancelGrace: (() => void) | null = null;
  #cancelWelcome: (() => void) | null = null;
  /** Epoch ms of the next try of a live link. */
  retryAt: number | null = null;

  constructor(
    private readonly env: Pick<Environment, "now" | "random" | "setTimer" | "openLink">,
    private readonly url: string,
    private readonly transports: readonly Transport[],
    private readonly events: DriverEvents,
  ) {
    this.#state = stoppedLink(transports.length > 0);
  }

  get state(): LinkState {
    return this.#state;
  }
  get transport(): Transport | null {
    return this.#transport;
  }
  /** Another one for every link: what came over an earlier one may no longer fit what the present one was told. */
  get serial(): number {
    return this.#serial;
  }
  /** Whether the server has welcomed this device. */
  get isLive(): boolean {
    return this.#state.phase === "catching up" || this.#state.phase === "live";
  }

  /** @returns false where there is no open link; whatever it was is still owed then */
  send(message: DeviceMessage): boolean {
    // Socket.IO would keep it and send it ahead of the hello, which is to be refused as a stranger.
    if (!this.#link || !this.#isOpen) return false;
    try {
      this.#link.send(message);
      return true;
    } catch {
      // a socket that is about to say that it ended
      return false;
    }
  }

  dispatch(event: LinkEvent): void {
    const { state, effects } = step(this.#state, event);
    const moved = state !== this.#state;
    this.#state = state;
    if (event.type === "welcomed") this.#cancelWelcome?.();
    for (const effect of effects) this.#do(effect);
    if (moved) this.events.changed();
  }

  #do(effect: LinkEffect): void {
    switch (effect.type) {
      case "connect":
        return this.#connect(effect.attempt);
      case "disconnect":
        return this.#disconnect();
      case "schedule retry": {
        const delayMs = retryDelayMs(effect.failures, this.env.random(), LINK_BACKOFF, effect.retryAfterMs);
        this.retryAt = this.env.now() + delayMs;
        this.#cancelRetry?.();
        this.#cancelRetry = this.env.setTimer(() => this.dispatch({ type: "retry due" }), delayMs);
        return;
      }
      case "start grace":
        this.#cancelGrace ??= this.env.setTimer(() => {
          this.#cancelGrace = null;
          this.dispatch({ type: "grace over" });
        }, GRACE_MS);
        return;
      case "cancel timers":
        this.#cancelRetry?.();
        this.#cancelGrace?.();
        this.#cancelRetry = this.#cancelGrace = this.retryAt = null;
        return;
      case "start polling":
        return this.events.startPolling();
      case "stop polling":
        return this.events.stopPolling();
      case "poll now":
        return this.events.pollNow();
      case "probe":
        return this.events.probe();
    }
  }

  #connect(attempt: number): void {
    this.#disconnect();
    this.retryAt = null;
    const transport = this.transports[attempt % this.transports.length]!;
    this.#transport = transport;
    this.#cancelWelcome = this.env.setTimer(
      () => this.#fail({ code: null, reason: "no welcome in time" }),
      WELCOME_TIMEOUT_MS,
    );
    try {
      this.#link = this.#open(transport);
    } catch (error) {
      // for example a WebSocket that a page's security policy forbids; never from within a step of the machine
      const reason = error instanceof Error ? error.message : "the link can't be opened";
      this.#cancelWelcome();
      this.#cancelWelcome = this.env.setTimer(() => this.#fail({ code: null, reason }), 0);
    }
  }

  // A link that was closed calls nothing any more, so these never speak for an older one.
  #open(transport: Transport): Link {
    return this.env.openLink[transport](this.url, {
      opened: () => {
        this.#isOpen = true;
        this.send(this.events.hello());
      },
      received: (value) => {
        const message = parseServerMessage(value);
        if (message) this.events.received(message);
      },
      closed: (end) => this.#fail(end),
    });
  }

  #fail(end: LinkEnd): void {
    this.#disconnect();
    this.events.ended(end);
  }

  #disconnect(): void {
    this.#cancelWelcome?.();
    this.#cancelWelcome = null;
    this.#transport = null;
    this.#serial++;
    const link = this.#link;
    this.#link = null;
    this.#isOpen = false;
    link?.close();
  }
}
