/**
 * The server's side of one live link, whatever carries it: who speaks, for how long, and how it ends.
 *
 *   greeting ── hello ──> authenticating ── welcome ──> open ── error with a close code, silence, revocation ──> closed
 *      └── anything else: closed (4401); nothing for 5 s: closed (1013), for a slow network is no reason to ask for another token
 */
import { ReplicationError, type ErrorCode } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Hello } from "@tillwire/protocol/messages";
import type { Device } from "./auth.ts";
import { Conversation, type Speaker } from "./conversation.ts";
import type { Opening } from "./feed.ts";
import { choose } from "./frames.ts";
import type { StoreHub } from "./hub.ts";
import { closeCodeOf, errorMessage, type ErrorDetails, type Link, type LinkListener } from "./link.ts";
import type { Marking } from "./marks.ts";
import { parseHello, parseMessage, welcomeOf } from "./session-messages.ts";
import type { SessionServices } from "./session-services.ts";
import { LARGE_TEXT } from "./turns.ts";

/** What a session tells the registry of sessions. */
export interface SessionHost {
  /** The session counts as one of the store's from here on; its hub. */
  opened(session: Session, device: Device, presence: boolean): StoreHub;
  statusChanged(device: Device): void;
  closed(session: Session): void;
}

/** What a device may say before its hello was looked into; all of it together is no larger than a message. */
const EARLY_MESSAGES = 32;
/** WebSocket close code "going away": nobody is there to read why. */
const GONE = 1001;
const TRY_AGAIN_LATER = 1013;

export class Session implements LinkListener, Speaker {
  readonly #link: Link;
  readonly #services: SessionServices;
  readonly #host: SessionHost;
  #helloTimer: NodeJS.Timeout | undefined;
  #state: "greeting" | "authenticating" | "open" | "closed" = "greeting";
  /** Null: none. */
  #early: string[] | null = null;
  #conversation: Conversation | null = null;
  #heardAt: number;
  #behindSince: number | null = null;
  /** Since the last tick; nothing else makes a link fall behind. */
  #hasSent = false;
  /** A large text that waits to be read, and what came after it. */
  #behindLarge: string[] | null = null;

  constructor(link: Link, services: SessionServices, host: SessionHost) {
    this.#link = link;
    this.#services = services;
    this.#host = host;
    this.#heardAt = services.runtime.now();
    this.#helloTimer = services.runtime.setTimeout(
      () => this.fail("UNAVAILABLE", "no hello in time"),
      LIMITS.helloTimeoutMs,
    );
  }

  get conversation(): Conversation | null {
    return this.#conversation;
  }

  get link(): Pick<Link, "transport" | "remoteAddress"> {
    return this.#link;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  send(text: string): void {
    if (this.#isClosed()) return;
    this.#hasSent = true;
    this.#link.send(text);
    if (this.#link.bufferedBytes > LIMITS.sendBufferBytes) this.#tooSlow();
  }

  statusChanged(): void {
    if (this.#conversation) this.#host.statusChanged(this.#conversation.device);
  }

  message(text: string): void {
    if (this.#isClosed()) return;
    this.alive();
    if (this.#state === "authenticating") {
      const early = (this.#early ??= []);
      early.push(text);
      const characters = early.reduce((sum, { length }) => sum + length, 0);
      if (early.length > EARLY_MESSAGES || characters > LIMITS.messageBytes)
        this.fail("UNAUTHENTICATED", "too much before the welcome");
      return;
    }
    const { conversation } = this;
    if (conversation && (text.length > LARGE_TEXT || this.#behindLarge)) this.#readInTurn(text, conversation);
    else this.#read(text);
  }

  /** Only a push is that large. What follows it waits too, so that all is read in the order in which it came. */
  #readInTurn(text: string, { device, isPushing }: Conversation): void {
    const behind = this.#behindLarge;
    const isLarge = text.length > LARGE_TEXT;
    if (isLarge ? isPushing || behind : behind!.length >= EARLY_MESSAGES)
      return this.fail("PUSH_IN_FLIGHT", "one push at a time");
    if (behind) return void behind.push(text);
    const texts = [text];
    this.#behindLarge = texts;
    this.#services.turns.one(device.storeId, () => {
      this.#behindLarge = null;
      for (const each of texts) if (!this.#isClosed()) this.#read(each);
    });
  }

  #read(text: string): void {
    try {
      if (this.#conversation) this.#conversation.heard(parseMessage(text), text);
      else void this.#greet(parseHello(text));
    } catch (error) {
      this.report(error);
    }
  }

  refuse(code: ErrorCode, message: string): void {
    this.fail(code, message);
  }

  alive(): void {
    this.#heardAt = this.#services.runtime.now();
  }

  closed(): void {
    if (this.#isClosed()) return;
    this.#state = "closed";
    this.#early = null;
    this.#endHelloTimer();
    this.#conversation?.end();
    this.#host.closed(this);
  }

  /** Tells the error and, if it is one that ends links, closes. */
  fail(code: ErrorCode, message: string, details: ErrorDetails = {}): void {
    if (this.#isClosed()) return;
    this.#link.send(JSON.stringify(errorMessage(code, message, details)));
    const closeCode = closeCodeOf(code);
    if (closeCode !== null) this.#end(closeCode, code);
    // Who could not be let in for the database's sake shall try another node.
    else if (this.#state !== "open" && (code === "UNAVAILABLE" || code === "INTERNAL"))
      this.#end(TRY_AGAIN_LATER, code);
  }

  report(error: unknown, details: ErrorDetails = {}): void {
    if (error instanceof ReplicationError) {
      const retryAfter = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
      return this.fail(error.code, error.message, { ...details, ...retryAfter });
    }
    this.#services.log.error({ err: error, ...this.#conversation?.device }, "A session failed");
    this.fail("INTERNAL", "internal error", details);
  }

  /** Once a second: silence, and a link that takes nothing. */
  tick(nowMs: number): void {
    if (this.#isClosed()) return;
    // A clock that was set back: it was heard now at the latest.
    this.#heardAt = Math.min(this.#heardAt, nowMs);
    if (nowMs - this.#heardAt > LIMITS.deadAfterMs) return this.#end(GONE, "silent");
    if (!this.#hasSent && this.#behindSince === null) return;
    this.#hasSent = false;
    const buffered = this.#link.bufferedBytes;
    this.#behindSince = buffered > LIMITS.frameBytes ? Math.min(this.#behindSince ?? nowMs, nowMs) : null;
    if (this.#behindSince !== null && nowMs - this.#behindSince > LIMITS.sendBehindMs) this.#tooSlow();
  }

  // A method, since the state changes in calls and between awaits, where the compiler does not look.
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #endHelloTimer(): void {
    this.#services.runtime.clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
  }

  #end(code: number, reason: string): void {
    this.#link.close(code, reason);
    this.closed();
  }

  #tooSlow(): void {
    if (this.#isClosed()) return;
    this.#services.metrics.slowConsumers.inc();
    this.fail("SLOW_CONSUMER", "the session fell too far behind");
  }

  async #greet(hello: Hello): Promise<void> {
    this.#state = "authenticating";
    try {
      const { auth, collections, feed, marks } = this.#services;
      const device = await auth.authenticate(hello.token);
      const unknown = hello.collections?.find((name) => !collections.has(name));
      if (unknown !== undefined) throw new ReplicationError("UNPROCESSABLE", `no collection ${unknown}`);
      const opening = await feed.open(device.storeId, hello.syncToken, choose(hello.collections));
      // A hello that nobody waits for any more must not outdate the mark of one that came after it.
      if (this.#isClosed()) return;
      const checked = hello.syncToken !== null && opening.reset === null;
      const marking = await marks.present(device, hello.mark ?? null, checked);
      if (!this.#isClosed()) this.#open(device, hello, opening, marking);
    } catch (error) {
      // Who did not hello well may do so again, within the time given.
      if (!this.#isClosed()) this.#state = "greeting";
      this.#early = null;
      this.report(error);
    }
  }

  #open(device: Device, hello: Hello, opening: Opening, marking: Marking): void {
    const services = this.#services;
    this.#endHelloTimer();
    this.#state = "open";
    const { epoch, head } = opening;
    this.send(JSON.stringify(welcomeOf(device, { epoch, head, clock: services.runtime.now() }, marking)));
    const hub = this.#host.opened(this, device, hello.presence === true);
    this.#conversation = new Conversation({ device, hello, hub, opening, speaker: this, services });
    this.#conversation.start();
    services.log.info({ ...device, transport: this.#link.transport, app: hello.app }, "Device connected");
    const early = this.#early;
    this.#early = null;
    for (const text of early ?? []) this.message(text);
  }
}
