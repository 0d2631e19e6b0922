import { describe, expect, it } from "vitest";
import type { Base } from "@tillwire/protocol/messages";
import { enqueue, positionOf, type Draft, type OutboxRow } from "./outbox.ts";
import { settle } from "./settlement.ts";
import { enqueueSettling } from "./settling-row.ts";

const hash = (text: string) => text.padEnd(64, "0");
const server = (version: number): Base => ({ version, hash: hash(`s${version}`) });
const LOST: Base = { version: 2, hash: hash("lost") };
const draft = (text: string, more: Partial<Draft> = {}): Draft => ({
  ...{ collection: "notes", localId: "n1", op: "put", hash: hash(text), data: { text }, bytes: 10, at: 1 },
  ...{ appendOnly: false, ...more },
});

let nextKey = 1;
function after(rows: readonly OutboxRow[], plan: ReturnType<typeof enqueue>): OutboxRow[] {
  const changed = new Set([...plan.remove, ...plan.put.map(({ key }) => key)]);
  return [...rows.filter(({ key }) => !changed.has(key)), ...plan.put].sort((a, b) => a.key - b.key);
}
const edit = (rows: readonly OutboxRow[], current: Base, text: string) =>
  after(rows, enqueue(rows, current, draft(text), nextKey++));
const choose = (rows: readonly OutboxRow[], current: Base, text: string, more: Partial<Draft> = {}) =>
  after(rows, enqueueSettling(rows, current, draft(text, { resolves: "c1", ...more }), nextKey++));
const inState = (rows: readonly OutboxRow[], state: OutboxRow["state"]) => rows.map((row) => ({ ...row, state }));

describe("a write that settles a conflict", () => {
  it("is made on the server's value, or on the one that the person looked at", () => {
    expect(choose([], server(5), "x")).toMatchObject([{ base: server(5), syncVersion: 6, resolves: "c1" }]);
    expect(choose([], server(5), "x", { readAt: server(4) })).toMatchObject([{ base: server(4), syncVersion: 5 }]);
  });

  it("stands behind further edits of the losing side, which are sent before it, and not on them", () => {
    const rows = choose(edit([], LOST, "further"), server(5), "x");
    expect(rows).toMatchObject([{ base: LOST }, { base: server(5), syncVersion: 6, resolves: "c1" }]);
    expect(rows[0]).not.toHaveProperty("resolves");
    const many = choose(edit(inState(edit([], LOST, "further"), "sent"), LOST, "more"), server(2), "x");
    expect(many.map(({ syncVersion }) => syncVersion)).toEqual([3, 4, 5]);
  });

  it("lies above what this device's edits have reached in the conflict, also when it is made again", () => {
    const first = choose([], server(5), "x", { above: 9 });
    expect(first).toMatchObject([{ base: server(5), syncVersion: 10 }]);
    expect(choose(first, server(5), "y", { above: 12 })).toMatchObject([{ base: server(5), syncVersion: 13 }]);
  });

  it("made in a form that was opened on an edit that waits stands behind that edit", () => {
    const edited = edit([], server(5), "edited");
    const more = choose(edit(inState(edited, "sent"), server(5), "more"), server(5), "x", {
      readAt: positionOf(edited[0]!),
    });
    expect(more.at(-1)).toMatchObject({ base: positionOf(more.at(-2)!), resolves: "c1" });
  });

  it("stands on edits that were made on the server's value", () => {
    const edited = edit([], server(5), "edited");
    expect(choose(edited, server(5), "x")).toMatchObject([{}, { base: positionOf(edited[0]!), syncVersion: 7 }]);
    expect(choose(edited, server(5), "x", { readAt: server(5) })).toMatchObject([{}, { base: positionOf(edited[0]!) }]);
  });

  it("gives way to the next choice while it was not sent: by what was seen then", () => {
    const [first] = choose([], server(5), "x");
    const again = choose([first!], server(6), "y");
    expect(again).toMatchObject([{ key: first!.key, base: server(6), syncVersion: 7, data: { text: "y" } }]);
    expect(choose(inState([first!], "sent"), server(5), "y")).toHaveLength(2);
    expect(choose([{ ...first!, mayBeKnown: true }], server(5), "y")).toHaveLength(2);
    expect(choose([first!], server(5), "y", { resolves: "c2" })).toMatchObject([
      { resolves: "c1" },
      { resolves: "c2" },
    ]);
  });

  it("S8: an edit before it that is refused stays for people to see: it was not made on that edit", () => {
    const edited = inState(edit(choose([], server(5), "x"), server(5), "edited"), "sent");
    const rows = choose(edited, server(5), "y");
    const { key, collection, localId, syncVersion, hash: sentHash } = rows[0]!;
    const sent = { key, collection, localId, syncVersion, hash: sentHash };
    const refusal = settle(rows, sent, { collection, localId, outcome: "rejected", code: "GUARD" });
    expect(after(rows, refusal)).toMatchObject([
      { state: "rejected", data: { text: "edited" }, error: { code: "GUARD" } },
      { state: "queued", data: { text: "y" }, base: server(5), resolves: "c1" },
    ]);
    // A choice that is refused gives way to the next one.
    const choices = choose(inState(choose([], server(5), "x"), "sent"), server(5), "y");
    const again = settle(choices, choices[0] as never, { collection, localId, outcome: "rejected", code: "GUARD" });
    expect(after(choices, again)).toMatchObject([{ state: "queued", data: { text: "y" }, base: server(5) }]);
  });

  it("S8: does not give way once it took in an edit: the next choice stands behind it", () => {
    const edited = edit(choose([], server(5), "x"), server(5), "edited");
    expect(edited).toMatchObject([{ resolves: "c1", data: { text: "edited" } }]);
    const again = choose(edited, server(5), "y");
    expect(again).toMatchObject([
      { resolves: "c1", data: { text: "edited" } },
      { resolves: "c1", data: { text: "y" }, base: positionOf(edited[0]!) },
    ]);
    // Nothing was edited since the second choice: the third one takes its place, and its alone.
    expect(choose(again, server(5), "z")).toMatchObject([{ data: { text: "edited" } }, { data: { text: "z" } }]);
  });

  it("gives way to the next choice also after the result of an edit before it had lifted its version", () => {
    const rows = choose(inState(edit([], LOST, "further"), "sent"), server(2), "x");
    const [further, first] = [rows[0]!, { ...rows[1]!, state: "queued" as const }];
    const result = { collection: "notes", localId: "n1", outcome: "duplicate" as const, seq: 9, hash: further.hash };
    const { put } = settle([further, first], further, { ...result, syncVersion: 7 });
    expect(put).toMatchObject([{ key: first.key, syncVersion: 8, resolves: "c1" }]);
    expect(choose(put, server(7), "y")).toMatchObject([{ key: first.key, data: { text: "y" } }]);
    // and not once it took in an edit, before or after
    expect(choose(edit(put, server(7), "edited"), server(7), "y")).toHaveLength(2);
    const edited = edit([further, first], server(2), "edited");
    expect(choose([...settle(edited, further, { ...result, syncVersion: 7 }).put], server(7), "y")).toHaveLength(2);
  });

  it("takes the place of a rejected write", () => {
    const rows = inState(edit([], server(5), "no"), "rejected");
    expect(choose(rows, server(5), "x")).toMatchObject([{ base: server(5), syncVersion: 7, state: "queued" }]);
  });

  it("leaves the edits behind it to themselves once it has settled the conflict, and with it while it has not", () => {
    const [first, second] = choose(inState(choose([], server(5), "x"), "sent"), server(5), "y");
    const result = { collection: "notes", localId: "n1", seq: 9, syncVersion: 6, hash: hash("x") };
    const won = settle([first!, second!], first!, { ...result, outcome: "accepted" });
    expect(won.put).toMatchObject([{ key: second!.key, base: positionOf(first!) }]);
    expect(won.put[0]).not.toHaveProperty("resolves");
    const conflict = { id: "c1", kind: "VERSION_MISMATCH", policy: "MANUAL", fields: [] };
    const late = settle([first!, second!], first!, { ...result, hash: hash("z"), outcome: "conflict", conflict });
    expect(late.put).toEqual([]);
  });
});
