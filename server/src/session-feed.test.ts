/** Hub and session feed together, on a feed in memory: whatever order commits, notices and reads come in, the chain holds. */
import { formatSyncToken } from "@tillwire/protocol/sync-token";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createManualRuntime, settle } from "../test/support/manual-runtime.ts";
import type { Committed } from "./accept.ts";
import { createFeed, type Feed } from "./feed.ts";
import { choose, encodeFrame, sliceStretch, splitStretch } from "./frames.ts";
import { createGate } from "./gate.ts";
import { StoreHub } from "./hub.ts";
import { SessionFeed } from "./session-feed.ts";
import { createSyncTokens } from "./sync-tokens.ts";
import type { EncodedChange, FeedPage, ReplicationStore, Stamp } from "./store/store.ts";

const STORE = "shop";
const NO_DIGESTS = new Map();

function change(seq: number, localId: string, collection = "orders", stamp: Stamp = null): EncodedChange {
  return { seq, collection, stamp, json: JSON.stringify({ seq, collection, localId }) };
}

/** A feed of records that are overwritten, with reads that resolve when the test lets them. */
function memoryFeed(pageSize = 3) {
  const records = new Map<string, EncodedChange>();
  const waiting: (() => void)[] = [];
  /** By seq. */
  let stamps: Stamp[] = [null];
  let commits = 0;
  let head = 0;
  let epoch = "e1";
  let epochs = 1;
  let held = false;
  const store = {
    async readFeed({ from, collections }): Promise<FeedPage> {
      const all = [...records.values()].filter(
        (each) => each.seq > from && (!collections || collections.includes(each.collection)),
      );
      all.sort((a, b) => a.seq - b.seq);
      const changes = all.slice(0, pageSize);
      const to = all.length > pageSize ? changes.at(-1)!.seq : Math.max(head, from);
      const fromStamp = stamps[from] ?? null;
      const stamp = stamps[Math.min(to, head)] ?? null;
      const page = { epoch, from, fromStamp, to, stamp, head, changes, digests: NO_DIGESTS };
      if (held) await new Promise<void>((resolve) => waiting.push(resolve));
      return page;
    },
    readHead: async () => ({ storeId: STORE, head, epoch, stamp: stamps[head] ?? null }),
    beginEpoch: async (_storeId, expected, next) => {
      if (expected === epoch) epoch = next;
      return epoch;
    },
    wantsReoffers: async () => true,
  } as Partial<ReplicationStore> as ReplicationStore;
  const hubs: StoreHub[] = [];
  const feed: Feed = createFeed({
    store,
    gate: createGate({ running: 10, waiting: 10 }),
    tokens: createSyncTokens(createManualRuntime()),
    newEpoch: () => `e${++epochs}`,
    onNewEpoch: (_storeId, began) => hubs.forEach((hub) => hub.hint(0, began)),
  });
  return {
    feed,
    hubs,
    records,
    head: () => head,
    epoch: () => epoch,
    hold: () => (held = true),
    release: () => {
      held = false;
      waiting.splice(0).forEach((go) => go());
    },
    commit(localIds: readonly string[]): Committed {
      const from = head;
      const fromStamp = stamps[from] ?? null;
      const stamp = `commit-${(commits += 1)}`;
      const changes = localIds.map((localId) => {
        const made = change(++head, localId, "orders", stamp);
        stamps[head] = stamp;
        records.set(localId, made);
        return made;
      });
      return { storeId: STORE, epoch, from, fromStamp, to: head, stamp, at: 0, changes, digests: NO_DIGESTS };
    },
    /** As a copy of the database from then has it. */
    putBackTo(former: string): void {
      epoch = former;
    },
    stampAt: (seq: number): Stamp => stamps[seq] ?? null,
    lose(to: number): void {
      stamps = stamps.slice(0, to + 1);
      for (const [id, { seq }] of records) if (seq > to) records.delete(id);
      head = to;
    },
  };
}
type MemoryFeed = ReturnType<typeof memoryFeed>;

function openHub(memory: MemoryFeed): StoreHub {
  const hub = new StoreHub({
    storeId: STORE,
    readFeed: memory.feed.readAll,
    encode: (stretch, choice) => memory.feed.encode(STORE, stretch, choice),
    onGap: () => undefined,
    onError: () => undefined,
  });
  memory.hubs.push(hub);
  return hub;
}

function join(memory: MemoryFeed, hub: StoreHub, runtime = createManualRuntime()) {
  const sent: any[] = [];
  const send = (text: string): void => void sent.push(JSON.parse(text));
  const outlet = { bufferedBytes: 0, sendFrame: send, sendReset: send, feedFailed: () => undefined };
  const session = new SessionFeed(
    { storeId: STORE, choice: choose(null), outlet, hub, feed: memory.feed, runtime },
    { epoch: memory.epoch(), head: memory.head(), position: 0, stamp: null, reset: null },
  );
  session.start();
  return { sent, session, outlet, runtime };
}

/** Applies what was sent as a device does; throws where the chain breaks. */
function apply(sent: readonly any[]) {
  let records = new Map<string, number>();
  let cursor = 0;
  for (const message of sent) {
    if (message.type === "reset") {
      records = new Map();
      cursor = 0;
      continue;
    }
    expect(message.from).toBe(cursor);
    for (const { localId, seq } of message.changes) {
      expect(seq).toBeGreaterThan(message.from);
      expect(seq).toBeLessThanOrEqual(message.to);
      records.set(localId, seq);
    }
    cursor = message.to;
  }
  return { records, cursor };
}

function expectEqual(memory: MemoryFeed, sent: readonly any[]): void {
  const { records, cursor } = apply(sent);
  expect(cursor).toBe(memory.head());
  expect(records).toEqual(new Map([...memory.records].map(([id, { seq }]) => [id, seq])));
  expect(sent.at(-1).digests).toBeDefined();
}

describe("the chain", () => {
  test("a session that catches up page by page goes live without a gap", async () => {
    const memory = memoryFeed();
    memory.commit(["a", "b", "c", "d", "e", "f", "g"]);
    const hub = openHub(memory);
    const { sent } = join(memory, hub);
    await settle();
    expect(sent).toHaveLength(3);
    hub.publish(memory.commit(["a", "h"]));
    expectEqual(memory, sent);
  });

  test("what is published while a page is read follows it", async () => {
    const memory = memoryFeed();
    memory.commit(["a"]);
    const hub = openHub(memory);
    memory.hold();
    const { sent } = join(memory, hub);
    await settle();
    hub.publish(memory.commit(["b"]));
    hub.publish(memory.commit(["a", "c"]));
    expect(sent).toEqual([]);
    memory.release();
    await settle();
    expectEqual(memory, sent);
  });

  test("a commit that does not continue the hub's seq makes it read the gap", async () => {
    const memory = memoryFeed();
    const hub = openHub(memory);
    const { sent } = join(memory, hub);
    await settle();
    memory.commit(["elsewhere"]); // on another node, not told
    hub.publish(memory.commit(["here"]));
    await settle();
    expectEqual(memory, sent);
  });

  test("a frame is encoded once for all sessions of one choice", async () => {
    const memory = memoryFeed();
    const hub = openHub(memory);
    const texts: string[] = [];
    const sessions = [1, 2, 3].map(() => join(memory, hub));
    for (const { outlet } of sessions) outlet.sendFrame = (text: string) => void texts.push(text);
    await settle();
    texts.length = 0;
    hub.publish(memory.commit(["a"]));
    expect(texts).toHaveLength(3);
    expect(new Set(texts).size).toBe(1);
  });

  test("a late hint of an epoch that is over changes nothing", async () => {
    const memory = memoryFeed();
    const hub = openHub(memory);
    const { sent } = join(memory, hub);
    await settle();
    await memory.feed.beginEpochAfterLoss(STORE, "e1");
    await settle();
    expect(sent.filter(({ type }) => type === "reset")).toMatchObject([{ epoch: "v1-e2", reason: "EPOCH_CHANGED" }]);
    hub.hint(99, "e1");
    await settle();
    expect(sent.filter(({ type }) => type === "reset")).toHaveLength(1);
    hub.publish(memory.commit(["a"]));
    expectEqual(memory, sent);
  });

  test("a head below the session's position proves a loss", async () => {
    const memory = memoryFeed();
    memory.commit(["a", "b", "c"]);
    const hub = openHub(memory);
    const { sent, session } = join(memory, hub);
    await settle();
    const stamp = memory.stampAt(3);
    memory.lose(1);
    session.restart({ epoch: "e1", head: 3, position: 3, stamp, reset: null });
    await settle();
    expect(sent).toContainEqual({ type: "reset", reason: "CURSOR_AHEAD", epoch: "v1-e2", reoffer: true });
    expectEqual(memory, sent);
  });

  test("S5: a database that was put back and grew beyond the session's position is not read on", async () => {
    const memory = memoryFeed();
    memory.commit(["a", "b", "c"]);
    const { sent, session } = join(memory, openHub(memory));
    await settle();
    const stamp = memory.stampAt(3);
    memory.lose(1);
    memory.commit(["d", "e", "f"]); // seqs 2 to 4 again
    session.restart({ epoch: "e1", head: 4, position: 3, stamp, reset: null });
    await settle();
    expect(sent).toContainEqual({ type: "reset", reason: "CURSOR_AHEAD", epoch: "v1-e2", reoffer: true });
    expectEqual(memory, sent);
  });

  test.each([
    ["grew to where the hub stands", ["d", "e"]],
    ["grew beyond it", ["d", "e", "f"]],
  ])(
    "S5: a commit on a database that was put back and %s is not sent on as if it continued what was sent",
    async (_, others) => {
      const memory = memoryFeed();
      memory.commit(["a", "b", "c"]);
      const hub = openHub(memory);
      const { sent } = join(memory, hub);
      await settle();
      memory.lose(1);
      memory.commit(others); // by another node
      hub.publish(memory.commit(["g"]));
      await settle();
      expect(sent.filter(({ type }) => type === "reset")).toMatchObject([{ reason: "CURSOR_AHEAD", epoch: "v1-e2" }]);
      expectEqual(memory, sent);
    },
  );

  test("an epoch that the session's lies beyond proves a loss: a third begins, which wants what devices hold", async () => {
    const memory = memoryFeed();
    memory.commit(["a", "b", "c"]);
    const hub = openHub(memory);
    const { sent } = join(memory, hub);
    await settle();
    await memory.feed.beginEpochAfterLoss(STORE, "e1");
    await settle();
    memory.lose(1);
    memory.putBackTo("e1");
    hub.hint(1, "e1");
    await settle();
    expect(sent.filter(({ type }) => type === "reset").map(({ epoch }) => epoch)).toEqual(["v1-e2", "v2-e3"]);
    expectEqual(memory, sent);
  });

  test("the next page waits until the link has taken the last", async () => {
    const memory = memoryFeed();
    memory.commit(["a", "b", "c", "d"]);
    const { sent, outlet, runtime } = join(memory, openHub(memory));
    outlet.bufferedBytes = 10_000_000;
    await runtime.pass(5_000);
    expect(sent.length).toBeLessThan(2);
    outlet.bufferedBytes = 0;
    await runtime.pass(100);
    expectEqual(memory, sent);
  });

  test("holds under any interleaving of commits here and elsewhere, late notices, joins and resets", async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("commit" as const),
          ids: fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { minLength: 1, maxLength: 5 }),
          told: fc.boolean(),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("join" as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom("hold" as const, "release" as const, "settle" as const, "hint" as const),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("epoch" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const memory = memoryFeed();
        const hub = openHub(memory);
        const runtime = createManualRuntime();
        const sessions = [join(memory, hub, runtime)];
        for (const each of steps) {
          if (each.do === "commit") {
            const committed = memory.commit([...new Set(each.ids)]);
            if (each.told) hub.publish(committed);
          } else if (each.do === "join") sessions.push(join(memory, hub, runtime));
          else if (each.do === "hold") memory.hold();
          else if (each.do === "release") memory.release();
          else if (each.do === "hint") hub.hint(memory.head(), memory.epoch());
          else if (each.do === "epoch") await memory.feed.beginEpochAfterLoss(STORE, memory.epoch());
          else await settle();
        }
        memory.release();
        await runtime.pass(5_000);
        hub.hint(memory.head(), memory.epoch());
        await runtime.pass(5_000);
        for (const { sent } of sessions) expectEqual(memory, sent);
      }),
      { numRuns: 300 },
    );
  });
});

describe("frames", () => {
  const stretch: FeedPage = {
    epoch: "e",
    from: 0,
    fromStamp: null,
    to: 3,
    stamp: "s2",
    head: 3,
    changes: [change(1, "a", "orders", "s1"), change(2, "b", "products", "s1"), change(3, "c", "orders", "s2")],
    digests: new Map([
      ["orders", { count: 2, digest: "00000000000000aa" }],
      ["products", { count: 1, digest: "00000000000000bb" }],
    ]),
  };

  test("hold what the choice leaves, and only its digests", () => {
    const frame = JSON.parse(encodeFrame(stretch, choose(["products"]), formatSyncToken));
    expect(frame.changes.map(({ localId }: any) => localId)).toEqual(["b"]);
    expect(frame).toMatchObject({ from: 0, to: 3, head: 3, digests: { products: { count: 1 } } });
    expect(Object.keys(frame.digests)).toEqual(["products"]);
  });

  test("bear digests at the head alone", () => {
    expect(JSON.parse(encodeFrame({ ...stretch, head: 9 }, choose(null), formatSyncToken)).digests).toBeUndefined();
  });

  test("are split where they would be too large, and join again", () => {
    const pieces = splitStretch(stretch, 1);
    expect(pieces.map(({ from, fromStamp, to, stamp }) => [from, fromStamp, to, stamp])).toEqual([
      [0, null, 1, "s1"],
      [1, "s1", 2, "s1"],
      [2, "s1", 3, "s2"],
    ]);
    expect(splitStretch(stretch)).toHaveLength(1);
    expect(splitStretch({ ...stretch, changes: [] })).toMatchObject([{ from: 0, to: 3 }]);
  });

  test("are cut to what a session still needs", () => {
    expect(sliceStretch(stretch, 2, "s1")).toMatchObject({ from: 2, fromStamp: "s1", to: 3, changes: [{ seq: 3 }] });
  });

  test("are not cut for who read another history, or where it can't be told", () => {
    expect(sliceStretch(stretch, 2, "other")).toBeNull();
    expect(sliceStretch({ ...stretch, changes: stretch.changes.slice(2) }, 2, "s1")).toBeNull();
    expect(sliceStretch(stretch, 0, null)).toBe(stretch);
    expect(sliceStretch(stretch, 0, "other")).toBeNull();
  });
});
