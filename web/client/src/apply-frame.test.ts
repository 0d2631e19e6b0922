/** Frames, results and overlays on the memory store: the order in which they come must not matter. */
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { adjustDigest, formatDigest } from "@tillwire/protocol/digest";
import type { Change, Changes, Digests } from "@tillwire/protocol/messages";
import { formatSyncToken } from "@tillwire/protocol/sync-token";
import { applyFrame, equalDigests, frameStep } from "./apply-frame.ts";
import { commit, NEW_LOCAL } from "./commit.ts";
import { beginFreshBase, newSync } from "./fresh-base.ts";
import type { LocalStore, SyncRow } from "./local-store.ts";
import { openMemoryStore } from "./memory-store.ts";
import type { OutboxRow } from "./outbox.ts";
import { settleAnswer } from "./settle.ts";
import { visibleOf } from "./visible.ts";

const hash = (text: string) => text.padEnd(64, "0");
const change = (seq: number, localId: string, syncVersion: number, more: Partial<Change> = {}): Change => ({
  ...{ seq, collection: "notes", localId, syncVersion, hash: hash(`${localId}${syncVersion}`), deleted: false },
  ...{ deviceId: "b", createdBy: "b", updatedAt: seq, data: { text: `${localId}${syncVersion}` }, ...more },
});
const tokenAt = (cursor: number, epoch = "e1") => formatSyncToken({ epoch, cursor, choice: "all" });
function frame(from: number, to: number, head: number, changes: Change[], digests?: Digests, epoch = "e1"): Changes {
  return { type: "changes", from, to, head, syncToken: tokenAt(to, epoch), changes, ...(digests ? { digests } : {}) };
}
function digestsOf(changes: readonly Change[]): Digests {
  const sum = changes.reduce((total, one) => adjustDigest(total, null, one), 0n);
  return { notes: { count: changes.length, digest: formatDigest(sum) } };
}

const device = (now: number) => ({ deviceId: "a", now });

let store: LocalStore;
beforeEach(async () => {
  store = openMemoryStore();
  await store.write("strict", async (tx) => {
    tx.setMeta("sync", newSync("all"));
    tx.setMeta("local", NEW_LOCAL);
  });
});

const sync = async (): Promise<SyncRow> => (await store.read((tx) => tx.meta("sync")))!;
const take = async (one: Changes, now = 0) =>
  (await commit(store, "relaxed", async (tx) => applyFrame(tx, (await tx.meta("sync"))!, one, device(now)))).result;
async function visible(localId: string) {
  return store.read(async (tx) => {
    const { visible: generation } = (await tx.meta("sync"))!;
    const [base, overlay, rows] = [
      await tx.record(generation, "notes", localId),
      await tx.overlay("notes", localId),
      await tx.outboxOf("notes", localId),
    ];
    return visibleOf(base, overlay, rows, "a");
  });
}
const row = (key: number, localId: string, syncVersion: number): OutboxRow => ({
  ...{ key, collection: "notes", localId, op: "put", syncVersion, base: { version: syncVersion - 1, hash: null } },
  ...{ hash: hash(`mine${syncVersion}`), data: { text: `mine${syncVersion}` }, state: "sent" },
  ...{ createdAt: 1, editedAt: 1, bytes: 4, absorbed: [] },
});
async function answer(sent: OutboxRow, seq: number, subscribed: ReadonlySet<string> | null = null) {
  await commit(store, "relaxed", async (tx) => {
    tx.putOutbox(sent);
    const results = [{ collection: "notes", localId: sent.localId, outcome: "accepted" as const, seq }];
    await settleAnswer(tx, (await tx.meta("sync"))!, {
      sent: [sent],
      results,
      epoch: "e1",
      deviceId: "a",
      now: 1,
      subscribed,
    });
  });
}
const overlays = () => store.read((tx) => tx.overlays());

describe("the chain", () => {
  it("a frame is applied only if it begins at the cursor; below it is dropped, above it pulled", () => {
    expect(frameStep(5, { from: 5, to: 9 })).toBe("apply");
    expect(frameStep(5, { from: 5, to: 5 })).toBe("apply");
    expect(frameStep(5, { from: 3, to: 5 })).toBe("drop");
    expect(frameStep(5, { from: 6, to: 9 })).toBe("pull");
    expect(frameStep(5, { from: 4, to: 9 })).toBe("pull");
  });

  it("S5 records, cursor, sync token and digests move in one tx", async () => {
    const changes = [change(1, "x", 1), change(2, "y", 1)];
    const { delta } = await commit(store, "relaxed", async (tx) =>
      applyFrame(tx, (await tx.meta("sync"))!, frame(0, 2, 2, changes, digestsOf(changes)), device(7)),
    );
    expect(delta).toMatchObject({
      revision: 1,
      sync: { cursor: 2, syncToken: tokenAt(2), epoch: "e1", digestsEqual: true, lastSyncAt: 7 },
    });
    expect(delta?.records).toHaveLength(2);
  });

  it("a record that a frame holds twice counts once", async () => {
    const twice = [change(1, "x", 1), change(2, "x", 2)];
    await take(frame(0, 2, 2, twice, digestsOf(twice.slice(1))));
    expect(await sync()).toMatchObject({ digestsEqual: true });
  });

  it("empty collections may be missing on either side of a comparison", () => {
    expect(equalDigests(new Map(), { notes: { count: 0, digest: formatDigest(0n) } })).toBe(true);
    expect(equalDigests(new Map([["notes", { count: 1, live: 1, digest: formatDigest(9n) }]]), {})).toBe(false);
  });

  it("a frame of another epoch that no reset announced is none of this feed", async () => {
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    expect(await take(frame(1, 2, 2, [change(2, "y", 1)], undefined, "e2"))).toMatchObject({ restarted: "restored" });
    expect(await sync()).toMatchObject({ cursor: 0, syncToken: null, aside: { epoch: "e1", reoffer: "always" } });
  });
});

describe("results are not the feed", () => {
  it("a settled write stays until the feed brings its record at its seq or above; an earlier page can't take it back", async () => {
    await take(frame(0, 5, 5, [change(3, "x", 1)]));
    await answer(row(1, "x", 2), 8);
    expect(await sync()).toMatchObject({ cursor: 5 });
    expect(await visible("x")).toMatchObject({
      data: { text: "mine2" },
      sync: "synced",
      deviceId: "a",
      createdBy: "b",
    });
    // read before the write was committed: another device's earlier change of the same record
    await take(frame(5, 7, 8, [change(7, "x", 1)]));
    expect(await visible("x")).toMatchObject({ data: { text: "mine2" } });
    await take(frame(7, 8, 8, [change(8, "x", 2, { hash: hash("mine2"), data: { text: "mine2" }, deviceId: "a" })]));
    expect(await overlays()).toEqual([]);
    expect(await visible("x")).toMatchObject({ data: { text: "mine2" } });
  });

  it("a result that runs behind the feed lays nothing over it", async () => {
    await take(frame(0, 9, 9, [change(9, "x", 3)]));
    await answer(row(1, "x", 2), 8);
    expect(await overlays()).toEqual([]);
    expect(await visible("x")).toMatchObject({ data: { text: "x3" } });
  });

  it("a cursor above its seq does not end an overlay while the record has left the page", async () => {
    await take(frame(0, 5, 5, []));
    await answer(row(1, "x", 2), 4);
    expect(await visible("x")).toMatchObject({ data: { text: "mine2" } });
    await take(frame(5, 9, 9, [change(9, "x", 3)]));
    expect(await overlays()).toEqual([]);
  });

  it("a collection that the feed does not bring leaves no overlay behind", async () => {
    await answer(row(1, "x", 2), 4, new Set(["entries"]));
    expect(await overlays()).toEqual([]);
  });

  it("S5 in whatever order pages and results come, the end is the server's state", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ record: fc.nat(3), mine: fc.boolean() }), { minLength: 1, maxLength: 25 }),
        fc.infiniteStream(fc.nat(4)),
        async (history, picks) => {
          const own = openMemoryStore();
          await own.write("strict", async (tx) => tx.setMeta("sync", newSync("all")));
          const feed = new Map<string, Change>();
          const results: { sent: OutboxRow; seq: number }[] = [];
          const shown: Changes[] = [];
          let cursor = 0;
          const pick = () => picks.next().value ?? 0;
          const page = (upTo: number, head: number) => {
            const changes = [...feed.values()]
              .filter(({ seq }) => seq > cursor && seq <= upTo)
              .sort((a, b) => a.seq - b.seq);
            shown.push(frame(cursor, upTo, head, changes, upTo === head ? digestsOf([...feed.values()]) : undefined));
            cursor = upTo;
          };
          const step = async (one: Changes) => {
            const { result } = await commit(own, "relaxed", async (tx) =>
              applyFrame(tx, (await tx.meta("sync"))!, one, device(0)),
            );
            expect(result).toMatchObject({ step: "apply", restarted: null });
          };
          const settleOne = async ({ sent, seq }: (typeof results)[number]) =>
            commit(own, "relaxed", async (tx) => {
              const answers = [{ collection: "notes", localId: sent.localId, outcome: "accepted" as const, seq }];
              const done = await settleAnswer(tx, (await tx.meta("sync"))!, {
                ...{ sent: [sent], results: answers, epoch: "e1", deviceId: "a", now: 1, subscribed: null },
              });
              expect(done).toEqual({ settled: 1, restored: false });
            });
          let head = 0;
          for (const { record, mine } of history) {
            const localId = `r${record}`;
            const version = (feed.get(localId)?.syncVersion ?? 0) + 1;
            const next = change(
              ++head,
              localId,
              version,
              mine ? { hash: hash(`mine${version}`), data: { text: `mine${version}` } } : {},
            );
            feed.set(localId, next);
            if (mine) {
              const sent = { ...row(head, localId, version) };
              await own.write("strict", async (tx) => tx.putOutbox(sent));
              results.push({ sent, seq: head });
            }
            // pages are read now and arrive later; results as well
            if (pick() === 0) page(head, head);
            while (shown.length > 0 && pick() === 0) await step(shown.shift()!);
            while (results.length > 0 && pick() <= 1) await settleOne(results.shift()!);
          }
          if (pick() <= 2) for (const one of results.splice(0)) await settleOne(one);
          if (cursor < head) page(head, head);
          for (const one of shown) await step(one);
          for (const one of results) await settleOne(one);
          await own.read(async (tx) => {
            expect(await tx.overlays()).toEqual([]);
            expect(await tx.meta("sync")).toMatchObject({ cursor: head, digestsEqual: true });
            for (const [localId, truth] of feed)
              expect(await tx.record(1, "notes", localId)).toMatchObject({ ...truth });
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a fresh base", () => {
  const start = () =>
    commit(store, "relaxed", async (tx) => {
      beginFreshBase(tx, (await tx.meta("sync"))!, null, "always");
    });

  it("is swapped in by the tx that reaches the head, with re-offers in front of the untouched outbox", async () => {
    const conflict = change(4, "c1", 1, { collection: "conflicts" });
    await take(frame(0, 4, 4, [change(1, "x", 2), change(2, "y", 5), change(3, "z", 1), conflict]));
    await store.write("strict", async (tx) => tx.putOutbox({ ...row(7, "q", 1), state: "queued" }));
    await start();
    await take(frame(0, 1, 2, [change(1, "x", 2)], undefined, "e2"));
    expect(await visible("y")).toMatchObject({ data: { text: "y5" } });
    await take(frame(1, 2, 2, [change(2, "y", 3)], undefined, "e2"));
    const rows = await store.read((tx) => tx.outbox());
    expect(rows.map(({ localId, syncVersion, base }) => [localId, syncVersion, base?.version])).toEqual([
      ["y", 5, undefined],
      ["z", 1, undefined],
      ["q", 1, 0],
    ]);
    expect(rows[0]).toMatchObject({
      reoffer: { deviceId: "b", createdBy: "b", updatedAt: 2 },
      state: "queued",
      key: -2,
    });
    expect(await visible("y")).toMatchObject({ data: { text: "y5" }, createdBy: "b", deviceId: "b", updatedAt: 2 });
    expect(await sync()).toMatchObject({ aside: null, epoch: "e2", cursor: 2 });
    expect(await store.read((tx) => tx.recordsAbove(1, -1))).toEqual([]);
  });

  it("a settled write that the old base never had is offered again", async () => {
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    await answer(row(1, "y", 1), 2);
    await start();
    await take(frame(0, 1, 1, [change(1, "x", 1)], undefined, "e2"));
    expect(await store.read((tx) => tx.outbox())).toMatchObject([{ localId: "y", reoffer: { deviceId: "a" } }]);
    expect(await overlays()).toEqual([]);
  });

  it("a write settled in this epoch, beyond the head that was read, is no loss: it stays an overlay", async () => {
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    await start();
    await answer(row(1, "y", 1), 2);
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    expect(await store.read((tx) => tx.outbox())).toEqual([]);
    expect(await visible("y")).toMatchObject({ data: { text: "mine1" } });
  });

  it("frames of the fresh base take no overlay away from what people still see", async () => {
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    await start();
    await answer(row(1, "x", 2), 2);
    await take(frame(0, 2, 3, [change(2, "x", 2, { hash: hash("mine2"), data: { text: "mine2" } })]));
    expect(await visible("x")).toMatchObject({ data: { text: "mine2" } });
  });
});

describe("S8: a settled write that the server has lost since", () => {
  it("is missed when the feed was read beyond its seq, and offered again", async () => {
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    await answer(row(1, "y", 1), 2);
    expect(await take(frame(1, 3, 3, [change(3, "z", 1)]))).toMatchObject({ restarted: "restored" });
    const all = [change(1, "x", 1), change(3, "z", 1)];
    await take(frame(0, 3, 3, all, digestsOf(all)));
    const rows = await store.read((tx) => tx.outbox());
    expect(rows).toMatchObject([{ localId: "y", syncVersion: 1, reoffer: { deviceId: "a" } }]);
  });

  it("is not missed before the head: later changes may have taken its record off the page", async () => {
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    await answer(row(1, "y", 1), 2);
    expect(await take(frame(1, 3, 4, [change(3, "z", 1)]))).toMatchObject({ restarted: null });
    expect(await take(frame(3, 4, 4, [change(4, "y", 2)]))).toMatchObject({ restarted: null });
    expect(await overlays()).toEqual([]);
  });

  it("is missed at once when its result comes late", async () => {
    const all = [change(1, "x", 1), change(3, "z", 1)];
    await take(frame(0, 3, 3, all, digestsOf(all)));
    const sent = row(1, "y", 1);
    const { result } = await commit(store, "relaxed", async (tx) => {
      tx.putOutbox(sent);
      const results = [{ collection: "notes", localId: "y", outcome: "accepted" as const, seq: 2 }];
      const about = { epoch: "e1", deviceId: "a", now: 1, subscribed: null };
      return settleAnswer(tx, (await tx.meta("sync"))!, { sent: [sent], results, ...about });
    });
    expect(result).toEqual({ settled: 1, restored: true });
    expect(await overlays()).toMatchObject([{ localId: "y" }]);
  });

  it("a value below a settled write's version proves a restore, whatever its seq", async () => {
    await answer(row(1, "x", 5), 1);
    expect(await take(frame(0, 9, 9, [change(9, "x", 3)]))).toMatchObject({ restarted: "restored" });
  });
});

describe("a form that was opened on a value which this device alone has moved on from", () => {
  const position = (one: Pick<OutboxRow, "syncVersion" | "hash">) => ({ version: one.syncVersion, hash: one.hash });

  it("is known to belong to it, whichever of result and frame comes first", async () => {
    const [first, second] = [row(1, "x", 2), { ...row(2, "x", 3), base: position(row(1, "x", 2)) }];
    await take(frame(0, 1, 1, [change(1, "x", 1)]));
    await answer(first, 2);
    await take(frame(1, 2, 2, [change(2, "x", 2, { deviceId: "a", hash: first.hash })]));
    await take(frame(2, 3, 3, [change(3, "x", 3, { deviceId: "a", hash: second.hash })]));
    await answer(second, 3);
    const { visible: generation } = await sync();
    const stored = await store.read((tx) => tx.record(generation, "notes", "x"));
    expect(stored?.madeOn).toEqual([position(first)]);
    await take(frame(3, 4, 4, [change(4, "x", 4)]));
    expect(await store.read((tx) => tx.record(generation, "notes", "x"))).not.toHaveProperty("madeOn");
  });
});

describe("a fresh base of a large shop", () => {
  it("is compared page by page, and what is lost is offered in the order of its seqs", async () => {
    const count = 1_700;
    const before = Array.from({ length: count }, (_, i) => change(i + 1, `x${i}`, 1));
    await take(frame(0, count, count, before));
    await answer(row(1, "x3", 2), count + 5);
    await store.write("strict", async (tx) => void beginFreshBase(tx, (await tx.meta("sync"))!, null, "always"));
    const kept = before.filter((_, i) => i % 2 === 0);
    await take(frame(0, count, count + 1, kept, undefined, "e2"));
    let largest = 0;
    await commit(store, "relaxed", async (tx) => {
      const recordsAbove: typeof tx.recordsAbove = async (...asked) => {
        const page = await tx.recordsAbove(...asked);
        largest = Math.max(largest, page.length);
        return page;
      };
      const spied = new Proxy(tx, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name, target);
          if (name === "recordsAbove") return recordsAbove;
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      return applyFrame(
        spied,
        (await tx.meta("sync"))!,
        frame(count, count + 1, count + 1, [], undefined, "e2"),
        device(1),
      );
    });
    expect(largest).toBeLessThanOrEqual(500);
    const rows = (await store.read((tx) => tx.outbox())).filter(({ reoffer }) => reoffer);
    const missing = before.filter((_, i) => i % 2 === 1 && i !== 3).map(({ localId }) => localId);
    expect(rows.map(({ localId }) => localId)).toEqual([...missing, "x3"]);
    expect(rows.at(-1)).toMatchObject({ syncVersion: 2, data: { text: "mine2" } });
  });
});
