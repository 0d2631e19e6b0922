/** What the devices of one shop sent and were told, as it went over their links: kept by the test itself, whatever crashes. */
import type { Environment, Fetch } from "@tillwire/client/environment";
import { parse } from "@tillwire/client/transports/websocket";
import type { OpenLink } from "@tillwire/client/transports/link";
import type { Change, Result, Write } from "@tillwire/protocol/messages";

/** A result that a device saw, and the write that it is about. */
export interface Acknowledged {
  readonly deviceId: string;
  readonly write: Write;
  readonly result: Result;
}

type Violated = (invariant: string, what: string, details?: unknown) => void;
type Heard =
  | { readonly type: "pushed"; readonly id: string; readonly results: readonly Result[] }
  | { readonly type: "changes"; readonly from: number; readonly to: number; readonly changes: readonly Change[] }
  | { readonly type: "reset"; readonly reason: string }
  | { readonly type: "other" };

/** All that the devices of a shop know of it together. */
export class Testimony {
  readonly acknowledged: Acknowledged[] = [];
  /** By seq: the version that some device was told has it. */
  readonly seen = new Map<number, string>();

  constructor(private readonly violated: Violated) {}

  /** @param deviceId what it says and hears from now on, over all its links */
  witness(deviceId: string): Witness {
    return new Witness(deviceId, this, this.violated);
  }

  /** S1, S3: a seq is one version's for ever, whoever is told of it. */
  saw(deviceId: string, change: Change): void {
    const version = versionText(change.collection, change);
    const before = this.seen.get(change.seq);
    if (before !== undefined && before !== version)
      this.violated("S3", `${deviceId} was told that seq ${change.seq} is ${version}; it was ${before}`);
    this.seen.set(change.seq, version);
  }
}

export function versionText(
  collection: string,
  { localId, syncVersion, hash }: { readonly localId: string; readonly syncVersion: number; readonly hash: string },
): string {
  return `${collection}/${localId} version ${syncVersion} ${hash}`;
}

/** One device's ears. */
export class Witness {
  readonly #sent = new Map<string, readonly Write[]>();
  readonly #delivered = new Set<number>();
  #readTo = 0;

  constructor(
    private readonly deviceId: string,
    private readonly testimony: Testimony,
    private readonly violated: Violated,
  ) {}

  /** The same environment, overheard. */
  overhear(env: Environment): Environment {
    const { "socket.io": socketIo, websocket } = env.openLink;
    return {
      ...env,
      fetch: this.#overFetch(env.fetch),
      openLink: { "socket.io": this.#overLink(socketIo), websocket: this.#overLink(websocket) },
    };
  }

  #overLink(open: OpenLink): OpenLink {
    return (url, events) => {
      const link = open(url, {
        opened: () => events.opened(),
        received: (message) => {
          this.#hear(message);
          events.received(message);
        },
        closed: (end) => events.closed(end),
      });
      return {
        send: (message) => {
          if (message.type === "push") this.#sent.set(message.id, message.writes as readonly Write[]);
          link.send(message);
        },
        close: () => link.close(),
      };
    };
  }

  #overFetch(fetch: Fetch): Fetch {
    return async (url, init) => {
      if (url.endsWith("/push") && init.body !== undefined) {
        const { id, writes } = JSON.parse(init.body) as { id: string; writes: readonly Write[] };
        this.#sent.set(id, writes);
      }
      const { status, headers, ...response } = await fetch(url, init).then((answer) => ({
        ...{ status: answer.status, headers: answer.headers, text: () => answer.text() },
      }));
      return {
        ...{ status, headers },
        text: async () => {
          const text = await response.text();
          this.#hear(parse(text));
          return text;
        },
      };
    };
  }

  #hear(message: unknown): void {
    const heard = message as Heard | undefined;
    if (heard?.type === "pushed") this.#hearResults(heard.id, heard.results);
    else if (heard?.type === "changes") this.#hearChanges(heard.from, heard.to, heard.changes);
    else if (heard?.type === "reset")
      this.violated("S1", `${this.deviceId} was told that the database was put back: ${heard.reason}`);
  }

  #hearResults(id: string, results: readonly Result[]): void {
    for (const result of results) {
      const write = this.#sent
        .get(id)
        ?.find(({ collection, localId }) => collection === result.collection && localId === result.localId);
      if (write) this.testimony.acknowledged.push({ deviceId: this.deviceId, write, result });
    }
  }

  /** S4: what was not there when the feed was read over its seq does not turn up later. */
  #hearChanges(from: number, to: number, changes: readonly Change[]): void {
    // A frame that was under way for long tells what was true earlier: it may hold versions that later frames had left behind.
    const isLate = to < this.#readTo;
    for (const change of changes) {
      this.testimony.saw(this.deviceId, change);
      if (!isLate && change.seq <= this.#readTo && !this.#delivered.has(change.seq))
        this.violated("S4", `${this.deviceId} had read to ${this.#readTo} when seq ${change.seq} turned up`, {
          ...{ from, to, change },
        });
    }
    if (from > this.#readTo) return;
    for (const { seq } of changes) this.#delivered.add(seq);
    this.#readTo = Math.max(this.#readTo, to);
  }
}
