/**
 * Faults that the simulator must find, each a change of one line of the product's source (or of the twins that the simulator stands on). They
 * are put in as the file is loaded, in processes of the mutation check alone: the product holds none of them.
 */
import type { Mix } from "./plan.ts";

export interface PlantedFault {
  readonly what: string;
  /** From the repository's root. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Seeds within which it must be found; as for most, if it is not said. */
  readonly within?: number;
  /** What the seeds' plans are drawn of, where the situation that it takes is rare otherwise; the table says so. */
  readonly mix?: Mix;
}

const USUAL_BOUND = 100;

/** Seeds within which a fault must be found. */
export function boundOf({ within = USUAL_BOUND }: PlantedFault): number {
  return within;
}

const server = (file: string): string => `server/src/${file}`;
const client = (file: string): string => `web/client/src/${file}`;

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    what: "a sequence with gaps instead of the locked counter",
    file: server("store/memory-commit.ts"),
    find: "shop.head += 1;",
    replace: "shop.head += shop.head % 9 === 5 ? 2 : 1;",
  },
  {
    what: "the commit does not look whether a record is as expected",
    file: server("store/memory-commit.ts"),
    find: 'if (!isAsExpected) return "stale";',
    replace: "",
  },
  {
    what: "the commit does not look whether the sender was revoked",
    file: server("store/memory-commit.ts"),
    find: 'return "revoked";',
    replace: "void 0;",
    mix: { faults: ["revoke", "enrol anew"] },
  },
  {
    what: "the commit does not look whether a number is taken",
    file: server("store/memory-commit.ts"),
    find: 'bearer !== row.localId ? "number" : null;',
    replace: "bearer === null ? null : null;",
  },
  {
    what: "a digest that ignores deletions",
    file: server("store/memory-database.ts"),
    find: "+ digestOf(row);",
    replace: "+ digestOf({ ...row, deleted: false });",
  },
  {
    what: "a page of the feed misses the latest change",
    file: server("store/memory-store.ts"),
    find: "seq <= shop.head && !isFull",
    replace: "seq < shop.head && !isFull",
  },
  {
    what: "a page tells of a head that is not committed yet",
    file: server("store/memory-store.ts"),
    find: "return { epoch: shop.epoch, from, to, head: shop.head, changes,",
    replace: "return { epoch: shop.epoch, from, to, head: shop.head + 1, changes,",
  },
  {
    what: "a base is a version without its hash",
    file: server("write-base.ts"),
    find: "if (base.version === current.syncVersion && base.hash === current.hash) return true;",
    replace: "if (base.version === current.syncVersion) return true;",
  },
  {
    what: "a retry is a new write",
    file: server("decide.ts"),
    find: "if (before) return before;",
    replace: "void before;",
  },
  {
    what: "whatever is newer overwrites",
    file: server("decide.ts"),
    find: "return settle(write, context, current, nowMs);",
    replace: "return takeWrite(write, context, nowMs);",
  },
  {
    what: "the loser of a conflict is not kept",
    file: server("settle.ts"),
    find: "return lost(write, current, summary, [row]);",
    replace:
      "return lost({ ...write, dataJson: null }, current, summary, [{ ...row, dataJson: row.dataJson!.replaceAll('edits', 'lost') }]);",
  },
  {
    what: "guards are not asked",
    file: server("take-write.ts"),
    find: 'if (refused !== null) return rejected(current, "GUARD", refused);',
    replace: "",
  },
  {
    what: "an answer before the commit: a failed one counts as taken",
    file: server("store-lane.ts"),
    find: 'item.reject(new ReplicationError("UNAVAILABLE", "the database is not available", 1_000));',
    replace:
      'item.resolve({ collection: item.write.collection.name, localId: item.write.localId, outcome: "accepted", syncVersion: item.write.syncVersion, hash: item.write.hash }, item.write.localId);',
  },
  {
    what: "a notice is the truth",
    file: server("hub.ts"),
    find: "this.#wanted = Math.max(this.#wanted, head);",
    replace: "if (this.#seq !== null) this.#seq = Math.max(this.#seq, head);",
  },
  {
    what: "a push that failed blocks the session's next one",
    file: server("conversation.ts"),
    find: "} catch (error) {\n      this.#pushing = false;",
    replace: "} catch (error) {",
  },
  {
    what: "frames of a commit go to the first session alone",
    file: server("hub.ts"),
    find: "for (const member of this.#members) member.receive(broadcast);",
    replace: "for (const member of [...this.#members].slice(0, 1)) member.receive(broadcast);",
  },
  {
    what: "the cursor moves, and the last of the frame's records is not stored",
    file: client("apply-frame.ts"),
    find: "tx.putRecord(baseRecord(sync.base, change, laid.size === 0 ? undefined : laid.get(keyOf(change))));",
    replace: "if (change !== frame.changes[3]) tx.putRecord(baseRecord(sync.base, change, laid.get(keyOf(change))));",
  },
  {
    what: "an answer settles whatever waits of the record",
    file: client("settlement.ts"),
    find: "(row) => row.key === sent.key && row.syncVersion === sent.syncVersion && row.hash === sent.hash,",
    replace: "(row, i) => i === rows.length - 1 && row.localId === sent.localId,",
  },
  {
    what: "a rejected write is forgotten",
    file: client("settlement.ts"),
    find: "return { put: [isRejected], remove: [], row, value: null };",
    replace: "return { put: [], remove: [row.key], row, value: null };",
  },
  {
    what: "nothing is offered again after a restore",
    file: client("fresh-base.ts"),
    find: "if (mayOfferAgain(sync))",
    replace: "if (mayOfferAgain(sync) && sync.cursor < 0)",
  },
  {
    what: "a cursor alone tells whether the database was put back",
    file: server("feed.ts"),
    find: "return cursor > head || (stamp !== undefined && stampAt !== stamp);",
    replace: "return cursor > head;",
    mix: { faults: ["restore unnoticed", "restore unnoticed", "offline", "offline", "node crash"] },
  },
  {
    what: "a link that says nothing any more counts as alive",
    file: client("heartbeat.ts"),
    find: "if (this.#unansweredSince !== null && now - this.#unansweredSince >= this.#patienceMs) {",
    replace: "if (this.#unansweredSince === null && now < 0) {",
  },
  {
    what: "the outbox is emptied as it is sent",
    file: client("settle.ts"),
    find: "tx.putOutbox(frozen);",
    replace: "tx.deleteOutbox(frozen.key);",
  },
  {
    what: "presence tells of the devices of all shops",
    file: server("store/memory-devices.ts"),
    find: "const rows = [...(database.shops.get(storeId)?.devices.values() ?? [])].map(",
    replace: "const rows = [...database.shops.values()].flatMap((shop) => [...shop.devices.values()]).map(",
    mix: { shops: 2 },
  },
  {
    what: "a rejected write holds up all that come after it",
    file: client("outbox.ts"),
    find: 'if (row.state === "rejected" || taken.has(record)) continue;',
    replace: 'if (row.state === "rejected") break;\n    if (taken.has(record)) continue;',
  },
  {
    what: "every answer is answered, a while later",
    file: client("push-pump.ts"),
    find: "if (settled > 0) this.#failures = 0;\n    else if (!this.host.pusher.inFlight) return this.later(0);",
    replace:
      'this.#failures = 0;\n    this.host.env.setTimer(() => void this.host.driver.send({ type: "push", id: "again", writes: [] }), 20_000);',
  },
  {
    what: "counts are fields like any other: the latest is right",
    file: "protocol/src/merge.ts",
    find: 'if (path === "" && options.sumFields?.includes(key)) return sum(base, local, server, key, clashes);',
    replace: "",
  },
  {
    what: "the commit does not look whether the policy is still in force",
    file: server("store/memory-commit.ts"),
    find: 'return "policy";',
    replace: "void 0;",
  },
  {
    what: "who settles a conflict again replaces what was edited in between",
    file: client("settling-row.ts"),
    find: "row.resolves === conflictId && isAsChosen &&",
    replace: "row.resolves === conflictId &&",
    mix: {
      deeds: ["note", "stale edit", "stale edit", "edit note", "choose again", "choose again"],
      faults: ["offline", "offline"],
    },
  },
  {
    what: "the latest edit of a record is sent first",
    file: client("outbox.ts"),
    find: "for (const row of rows) {\n    const record = recordKey(row.collection, row.localId);",
    replace: "for (const row of rows.toReversed()) {\n    const record = recordKey(row.collection, row.localId);",
    mix: { deeds: ["note", "edit note", "edit note", "edit note", "edit order"], faults: ["offline", "one way down"] },
  },
  {
    what: "nobody watches whether a push is answered",
    file: client("heartbeat.ts"),
    find: "if (pushedAt !== null && Math.abs(now - pushedAt) >= RESULT_MS)",
    replace: "if (pushedAt !== null && pushedAt < 0)",
  },
];
