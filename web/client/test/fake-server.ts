/**
 * A test double of the server's decisions: accept, duplicates by what was sent, SERVER_WINS and MANUAL conflicts, rejection where a test asks
 * for it, marks, epochs. One feed, as PROTOCOL.md describes it; links over virtual time; HTTP for the fallback.
 */
import { LIMITS, WIRE_LIMITS } from "@tillwire/protocol/limits";
import type {
  Base,
  Change,
  Changes,
  DeviceMessage,
  Digests,
  ErrorMessage,
  HttpStatus,
  RecordHistory,
  Result,
  ServerMessage,
  Write,
} from "@tillwire/protocol/messages";
import { parseSyncToken } from "@tillwire/protocol/sync-token";
import type { Fetch } from "../src/environment.ts";
import type { LinkEvents, OpenLink } from "../src/transports/link.ts";
import { FakeConflicts } from "./fake-conflicts.ts";
import { digestsOf, pageOf } from "./fake-feed.ts";
import { FakeMarks } from "./fake-marks.ts";
import type { VirtualTime } from "./virtual-host.ts";

export interface Session {
  readonly deviceId: string;
  readonly events: LinkEvents;
  collections: readonly string[] | undefined;
  position: number;
  welcomed: boolean;
  open: boolean;
}

const DELAY_MS = 5;

export class FakeServer {
  epoch = "e1";
  head = 0;
  readonly storeId = "shop-1";
  readonly records = new Map<string, Change>();
  /** Everything that ever stood in the feed, restored or not. */
  readonly history: Change[] = [];
  readonly sessions = new Set<Session>();
  /** Every push as it came, over whichever link. */
  readonly pushes: { deviceId: string; via: "live" | "http"; writes: Write[] }[] = [];
  readonly received: { deviceId: string; message: DeviceMessage }[] = [];
  readonly requests: string[] = [];
  #decided = new Map<string, Result>();
  readonly marks = new FakeMarks();
  readonly #conflicts: FakeConflicts;
  policy: "SERVER_WINS" | "MANUAL" = "SERVER_WINS";
  pageSize = 500;
  /** What a test may switch. */
  liveUp = true;
  httpUp = true;
  /** Decides, but never says so: the ack is lost. */
  dropResults = false;
  dropFrames = false;
  silent = false;
  httpStatus: number | null = null;
  reoffer = true;
  /** Pushes over live links are answered with it. */
  pushError: Pick<ErrorMessage, "code" | "retry" | "retryAfterMs"> | null = null;
  reject: (write: Write) => { code: string; message: string } | null = () => null;
  /** Another value in place of the one that was sent, as for an amended number. */
  amend: (write: Write) => unknown = () => undefined;

  constructor(private readonly time: VirtualTime) {
    this.#conflicts = new FakeConflicts({
      now: () => time.now,
      record: (collection, localId) => this.records.get(`${collection}/${localId}`),
      records: () => this.records.values(),
      put: (deviceId, write) => this.put(deviceId, write),
    });
  }

  openLink(deviceId: string): OpenLink {
    return (_url, events) => {
      const session: Session = { deviceId, events, collections: undefined, position: 0, welcomed: false, open: true };
      this.time.setTimer(() => {
        if (!session.open) return;
        if (!this.liveUp) return this.cut(session);
        this.sessions.add(session);
        events.opened();
      }, DELAY_MS);
      return {
        send: (message) => {
          const text = JSON.stringify(message);
          this.time.setTimer(() => {
            if (session.open && this.liveUp && !this.silent) this.#handle(session, JSON.parse(text) as DeviceMessage);
          }, DELAY_MS);
        },
        close: () => {
          session.open = false;
          this.sessions.delete(session);
        },
      };
    };
  }

  cut(session: Session, code: number | null = null): void {
    if (!session.open) return;
    session.open = false;
    this.sessions.delete(session);
    session.events.closed({ code, reason: "cut" });
  }

  cutAll(code: number | null = null): void {
    for (const session of [...this.sessions]) this.cut(session, code);
  }

  say(session: Session, message: ServerMessage): void {
    if (this.silent) return;
    const text = JSON.stringify(message);
    this.time.setTimer(() => {
      if (session.open) session.events.received(JSON.parse(text));
    }, DELAY_MS);
  }

  #handle(session: Session, message: DeviceMessage): void {
    this.received.push({ deviceId: session.deviceId, message });
    switch (message.type) {
      case "hello": {
        session.welcomed = true;
        session.collections = message.collections;
        const { storeId, epoch, head } = this;
        const times = { clock: this.time.now, heartbeatMs: LIMITS.heartbeatMs };
        this.say(session, {
          type: "welcome",
          protocol: 1,
          storeId,
          deviceId: session.deviceId,
          epoch,
          head,
          ...times,
          ...this.marks.present(session.deviceId, message.mark ?? null),
          limits: WIRE_LIMITS,
        });
        return this.#read(session, message.syncToken);
      }
      case "push": {
        this.pushes.push({ deviceId: session.deviceId, via: "live", writes: message.writes as Write[] });
        if (this.pushError)
          return this.say(session, { type: "error", message: "", requestId: message.id, ...this.pushError });
        const results = (message.writes as Write[]).map((write) => this.decide(session.deviceId, write));
        if (!this.dropResults) this.say(session, { type: "pushed", id: message.id, results });
        return this.publish();
      }
      case "pull":
        return this.#read(session, message.syncToken);
      case "ping":
        return this.say(session, { type: "pong", clock: this.time.now, head: this.head });
      case "status":
        return;
    }
  }

  #read(session: Session, syncToken: string | null): void {
    const position = syncToken === null ? null : parseSyncToken(syncToken);
    if (position && (position.epoch !== this.epoch || position.cursor > this.head)) {
      this.say(session, { type: "reset", reason: "EPOCH_CHANGED", epoch: this.epoch, reoffer: this.reoffer });
      session.position = 0;
    } else session.position = position?.cursor ?? 0;
    do this.#frame(session);
    while (session.position < this.head);
  }

  #frame(session: Session): void {
    const frame = this.page(session.position, session.collections);
    session.position = frame.to;
    this.say(session, frame);
  }

  /** Sends what is new to every session. */
  publish(): void {
    if (this.dropFrames) return;
    for (const session of this.sessions) while (session.welcomed && session.position < this.head) this.#frame(session);
  }

  page(from: number, collections: readonly string[] | undefined): Changes {
    return pageOf(this, from, collections);
  }

  digests(collections: readonly string[] | undefined): Digests {
    return digestsOf(this.records.values(), collections);
  }

  decide(deviceId: string, write: Write): Result {
    const { collection, localId } = write;
    const refusal = this.reject(write);
    if (refusal) return { collection, localId, outcome: "rejected", ...refusal };
    const { deviceId: sentAs = deviceId, syncVersion, hash, base } = write;
    const asSent = JSON.stringify([sentAs, collection, localId, syncVersion, hash, base]);
    const current = this.records.get(`${collection}/${localId}`);
    const before = this.#decided.get(asSent);
    if (before)
      return before.outcome === "conflict"
        ? before
        : { ...valueOf(current!), outcome: "duplicate", ...dataOf(current!, write) };
    const result = this.#decideNew(deviceId, write, current);
    this.#decided.set(asSent, result);
    return result;
  }

  #decideNew(deviceId: string, write: Write, current: Change | undefined): Result {
    if (write.resolves !== undefined) {
      const settled = this.#conflicts.settle(deviceId, write, current, () => this.put(deviceId, write));
      if (settled) return settled;
    }
    const base: Base | null = write.base;
    const onCurrent =
      base !== null && current !== undefined && base.version === current.syncVersion && base.hash === current.hash;
    if (!current || onCurrent || (write.reoffer && write.syncVersion > current.syncVersion)) {
      const amended = this.amend(write);
      const change = this.put(
        deviceId,
        amended === undefined ? write : { ...write, data: amended, hash: amendedHash(write.hash) },
      );
      return { ...valueOf(change), outcome: amended === undefined ? "accepted" : "merged", ...dataOf(change, write) };
    }
    if (current.hash === write.hash || write.reoffer)
      return { ...valueOf(current), outcome: "duplicate", ...dataOf(current, write) };
    return this.#conflicts.clash(deviceId, write, current, this.policy);
  }

  /** What another device, or an earlier time, wrote. */
  put(deviceId: string, write: Write): Change {
    const { collection, localId, syncVersion, hash, op } = write;
    const key = `${collection}/${localId}`;
    const createdBy = write.createdBy ?? this.records.get(key)?.createdBy ?? deviceId;
    const change: Change = {
      ...{ seq: ++this.head, collection, localId, syncVersion, hash, deleted: op === "delete", createdBy },
      ...{ deviceId: write.deviceId ?? deviceId, updatedAt: write.updatedAt ?? this.time.now, data: write.data },
    };
    this.records.set(key, change);
    this.history.push(change);
    return change;
  }

  /** A new epoch that lost everything above `seq`. */
  restore(seq: number): void {
    for (const [key, record] of this.records) if (record.seq > seq) this.records.delete(key);
    this.head = seq;
    this.epoch = `e${Number(this.epoch.slice(1)) + 1}`;
    this.#decided = new Map();
  }

  /** Two versions a page. */
  #versions(pathname: string, query: URLSearchParams) {
    const [collection = "", localId = ""] = pathname.split("/").slice(3).map(decodeURIComponent);
    const before = Number(query.get("before") ?? Number.POSITIVE_INFINITY);
    const all = this.history.filter((change) => change.collection === collection && change.localId === localId);
    if (all.length === 0) return answer(404, { code: "NOT_FOUND" });
    const versions = all.filter((change) => change.syncVersion < before).reverse();
    const nextBefore = versions.length > 2 ? versions[1]!.syncVersion : null;
    const history: RecordHistory = { collection, localId, versions: versions.slice(0, 2), nextBefore };
    return answer(200, history);
  }

  #heardPolled(deviceId: string, body: string | undefined): { mark?: string; copied?: boolean } {
    const { status, mark } = JSON.parse(body ?? "") as HttpStatus;
    this.received.push({ deviceId, message: { type: "status", ...status } });
    return mark === undefined ? {} : this.marks.present(deviceId, mark);
  }

  fetch(deviceId: string): Fetch {
    return async (url, init) => {
      const { pathname, searchParams } = new URL(url);
      this.requests.push(`${init.method} ${pathname}`);
      await new Promise<void>((resolve, reject) => {
        this.time.setTimer(resolve, DELAY_MS);
        init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      });
      if (!this.httpUp) throw new TypeError("fetch failed");
      if (this.httpStatus !== null) return answer(this.httpStatus, {});
      if (pathname === "/api/sync/status") return answer(200, this.#heardPolled(deviceId, init.body));
      if (pathname.startsWith("/api/records/")) return this.#versions(pathname, searchParams);
      const body =
        init.body === undefined
          ? null
          : (JSON.parse(init.body) as { id: string; syncToken: string | null; writes: Write[] });
      const token = body ? body.syncToken : searchParams.get("since");
      const position = token === null ? null : parseSyncToken(token);
      if ((body && !position) || (position && (position.epoch !== this.epoch || position.cursor > this.head))) {
        return answer(409, { code: "RESET", reoffer: this.reoffer });
      }
      if (!body) return answer(200, this.page(position?.cursor ?? 0, searchParams.get("collections")?.split(",")));
      this.pushes.push({ deviceId, via: "http", writes: body.writes });
      const results = body.writes.map((write) => this.decide(deviceId, write));
      this.publish();
      if (this.dropResults) throw new TypeError("fetch failed");
      return answer(200, { type: "pushed", id: body.id, results });
    };
  }
}

function answer(status: number, body: unknown) {
  return { status, headers: { get: () => null }, text: async () => JSON.stringify(body) };
}

function amendedHash(hash: string): string {
  return (hash.startsWith("f") ? "0" : "f") + hash.slice(1);
}

function valueOf({ collection, localId, seq, syncVersion, hash, deleted, updatedAt }: Change): Omit<Result, "outcome"> {
  return { collection, localId, seq, syncVersion, hash, deleted, updatedAt };
}

function dataOf(change: Change, write: Write): { data?: unknown } {
  return change.hash === write.hash ? {} : { data: change.data };
}
