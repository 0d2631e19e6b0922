/** A session once it is open: what the device says is answered, and the feed follows it. */
import { ReplicationError, unreachable } from "@tillwire/protocol/errors";
import type { DeviceMessage, DeviceStatus, Hello, Push, ResetReason } from "@tillwire/protocol/messages";
import type { Device } from "./auth.ts";
import { keptStatus, newMismatches } from "./device-status.ts";
import { ANOTHER_EPOCH, type Opening } from "./feed.ts";
import { choose, type Choice } from "./frames.ts";
import type { StoreHub } from "./hub.ts";
import type { ErrorDetails } from "./link.ts";
import type { LivePresence } from "./presence.ts";
import { encodeAnswer } from "./push-answer.ts";
import { checkPushSize, submitPush, takeTurn } from "./push.ts";
import type { SessionServices } from "./session-services.ts";
import { SessionFeed, type Outlet } from "./session-feed.ts";

/** The session, as its conversation sees it. */
export interface Speaker {
  readonly bufferedBytes: number;
  send(text: string): void;
  report(error: unknown, details?: ErrorDetails): void;
  statusChanged(): void;
}

export interface ConversationParts {
  readonly device: Device;
  readonly hello: Hello;
  readonly hub: StoreHub;
  readonly opening: Opening;
  readonly speaker: Speaker;
  readonly services: SessionServices;
}

const UNKNOWN: LivePresence = { cursor: null, pending: null, clockOffsetMs: null };
const UNTOLD: Pick<DeviceStatus, "digestsEqual" | "digestMismatches"> = {};

export class Conversation implements Outlet {
  readonly device: Device;
  readonly #choice: Choice;
  readonly #speaker: Speaker;
  readonly #services: SessionServices;
  readonly #feed: SessionFeed;
  #pushing = false;
  #pulls = 0;
  #live = UNKNOWN;
  #oldestPendingAt: number | null = null;
  #digests = UNTOLD;

  constructor({ device, hello, hub, opening, speaker, services }: ConversationParts) {
    this.device = device;
    this.#choice = choose(hello.collections);
    this.#speaker = speaker;
    this.#services = services;
    const { storeId } = device;
    const { feed, runtime } = services;
    this.#feed = new SessionFeed({ storeId, choice: this.#choice, outlet: this, hub, feed, runtime }, opening);
    services.status.seen(device, { app: hello.app, status: { online: true } });
    if (hello.status) this.#heardStatus(hello.status);
  }

  get live(): LivePresence {
    return this.#live;
  }

  /** Epoch ms, as the device told; null: nothing waits. */
  get oldestPendingAt(): number | null {
    return this.#oldestPendingAt;
  }

  get isPushing(): boolean {
    return this.#pushing;
  }

  start(): void {
    this.#feed.start();
  }

  end(): void {
    this.#feed.close();
    this.#services.status.seen(this.device, { status: { online: false } });
  }

  /** @param text that the message came as */
  heard(message: DeviceMessage, text: string): void {
    switch (message.type) {
      case "hello":
        throw new ReplicationError("MALFORMED", "hello was said already");
      case "push":
        return void this.#push(message, Buffer.byteLength(text));
      case "pull":
        return void this.#pull(message.syncToken);
      case "status":
        return this.#heardStatus(message);
      case "ping":
        return this.#ping(message.clock);
      default:
        unreachable(message);
    }
  }

  get bufferedBytes(): number {
    return this.#speaker.bufferedBytes;
  }

  sendFrame(text: string): void {
    this.#speaker.send(text);
    const { frames, frameBytes } = this.#services.metrics;
    frames.inc();
    frameBytes.inc(text.length);
  }

  sendReset(text: string, reason: ResetReason): void {
    this.#speaker.send(text);
    const { storeId, deviceId } = this.device;
    this.#services.metrics.resets.inc({ reason });
    this.#services.log.warn({ storeId, deviceId, reason }, "Device sent back to the beginning of the feed");
  }

  feedFailed(error: unknown): void {
    this.#speaker.report(error);
  }

  async #push({ id, writes }: Push, bytes: number): Promise<void> {
    if (this.#pushing)
      return this.#speaker.report(new ReplicationError("PUSH_IN_FLIGHT", "one push at a time"), { requestId: id });
    this.#pushing = true;
    try {
      checkPushSize(bytes);
      takeTurn(this.#services, this.device);
      if (this.#feed.isResetting) throw new ReplicationError("RESET", "this push was meant for the epoch that is over");
      const submitted = writes.map((write) => ({ write }));
      const { results } = await submitPush(this.#services, this.device, this.#feed.epoch, submitted, id);
      // Before the answer: who has it may push again at once.
      this.#pushing = false;
      this.#speaker.send(encodeAnswer(id, results));
    } catch (error) {
      this.#pushing = false;
      if (error instanceof ReplicationError && error.code === "RESET" && !this.#feed.isResetting)
        await this.#resync(id);
      else this.#speaker.report(error, { requestId: id });
    }
  }

  /** Accept found another epoch in force. */
  async #resync(requestId: string): Promise<void> {
    try {
      const { epoch } = await this.#services.feed.readHead(this.device.storeId);
      this.#feed.reset(ANOTHER_EPOCH, epoch);
    } catch (error) {
      this.#speaker.report(error, { requestId });
    }
  }

  async #pull(syncToken: string | null): Promise<void> {
    try {
      takeTurn(this.#services, this.device);
      const pull = (this.#pulls += 1);
      const opening = await this.#services.feed.open(this.device.storeId, syncToken, this.#choice);
      // Looked up out of order: the later pull is the one that counts.
      if (pull === this.#pulls) this.#feed.restart(opening);
    } catch (error) {
      this.#speaker.report(error);
    }
  }

  #heardStatus(told: DeviceStatus): void {
    const { runtime, metrics, status } = this.#services;
    const kept = keptStatus(told, runtime.now());
    this.#live = {
      cursor: told.cursor ?? this.#live.cursor,
      pending: told.pending ?? this.#live.pending,
      clockOffsetMs: kept.clockOffsetMs ?? this.#live.clockOffsetMs,
    };
    if (told.oldestPendingAt !== undefined) this.#oldestPendingAt = told.oldestPendingAt;
    metrics.digestMismatches.inc(newMismatches(this.#digests, told));
    const { digestsEqual = this.#digests.digestsEqual, digestMismatches = this.#digests.digestMismatches } = told;
    this.#digests = { digestsEqual, digestMismatches };
    status.seen(this.device, { cursor: told.cursor, status: { ...kept, online: true } });
    this.#speaker.statusChanged();
  }

  #ping(clock: number | undefined): void {
    const { runtime, status } = this.#services;
    const now = runtime.now();
    const kept = keptStatus(clock === undefined ? {} : { clock }, now);
    if (kept.clockOffsetMs !== undefined) this.#live = { ...this.#live, clockOffsetMs: kept.clockOffsetMs };
    status.seen(this.device, { status: { ...kept, online: true } });
    this.#speaker.send(JSON.stringify({ type: "pong", clock: now, head: this.#feed.head }));
  }
}
