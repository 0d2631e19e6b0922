/**
 * What the server decides, case by case: every kind of conflict, under every policy, for every operation. The one source of
 * conflict-table.test.ts, which plays each case, and of server/CONFLICTS.md, which shows them all (scripts/conflict-table.ts).
 *
 * Each case: registers A and B know an order; A's write has reached the server, then comes B's. A changed `notes` and the table, B changed
 * `notes` and the customer.
 */
import type { ConflictKind, ConflictPolicy, Outcome } from "@tillwire/protocol/messages";

export const POLICIES: readonly ConflictPolicy[] = ["SERVER_WINS", "CLIENT_WINS", "MERGE", "MANUAL"];
export const OPERATIONS = ["create", "change", "delete"] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Verdict {
  readonly outcome: Outcome;
  /** Of the conflict that is recorded; OPEN: it waits for a person; null: none is. */
  readonly settlement: "SERVER" | "CLIENT" | "MERGED" | "OPEN" | null;
  /** What then stands as the record's value. */
  readonly stands: "A" | "B" | "both";
  /** What people see, in a few words. */
  readonly seen: string;
}

/** One way in which B's write comes to clash, and what each policy makes of it. */
export interface Row {
  readonly kind: ConflictKind;
  readonly operation: Operation;
  /** What happened, as a sentence about B. */
  readonly how: string;
  readonly verdicts: Readonly<Record<ConflictPolicy, Verdict>>;
}

export const KINDS: Readonly<Record<ConflictKind, string>> = {
  VERSION_MISMATCH: "B's version is below the server's: A wrote more often meanwhile.",
  HASH_MISMATCH: "The same version, but other content: A and B each wrote once.",
  CONCURRENT_MODIFICATION: "B's version is above the server's, but it was not made on the server's value.",
  DELETED_ITEM: "A has deleted the record.",
  ID_TAKEN: "B made a new record and gave it the id of another: A's.",
  NUMBER_TAKEN: "Two records claim one order or reference number.",
};

const serverStands: Verdict = {
  outcome: "conflict",
  settlement: "SERVER",
  stands: "A",
  seen: "A's value stands. B takes it; B's is kept in the settled conflict.",
};
const serverStandsUnmerged: Verdict = {
  ...serverStands,
  seen: "A's value stands, for there is nothing to merge from. B takes it; B's is kept in the settled conflict.",
};
const clientStands: Verdict = {
  outcome: "merged",
  settlement: "CLIENT",
  stands: "B",
  seen: "B's value stands, as a version above both. A's is kept in the settled conflict and in the record's history.",
};
const bothStand: Verdict = {
  outcome: "merged",
  settlement: "MERGED",
  stands: "both",
  seen: "A's table and B's customer stand together. Both changed the notes: A's stand, the field is listed, and the settled conflict keeps B's.",
};
const waits: Verdict = {
  outcome: "conflict",
  settlement: "OPEN",
  stands: "A",
  seen: "The conflict waits in everybody's inbox. A's value stands meanwhile; B sees its own, as needing attention.",
};
const waitsWithBoth: Verdict = {
  ...waits,
  seen: "The conflict waits in everybody's inbox, with “keep both” among the answers. A's record stays; B sees its own, as needing attention.",
};
const seedsRule: Verdict = {
  outcome: "accepted",
  settlement: "CLIENT",
  stands: "B",
  seen: "Existing devices' rule: the higher version is taken. What it replaced is kept in a settled conflict.",
};
const bothDeleted: Verdict = {
  outcome: "duplicate",
  settlement: null,
  stands: "A",
  seen: "No conflict: both deleted it.",
};
const nothingOfAs: Verdict = {
  outcome: "conflict",
  settlement: "SERVER",
  stands: "A",
  seen: "Nothing of A's is deleted: B meant a record that the server never had.",
};
const renumbered: Verdict = {
  outcome: "merged",
  settlement: "SERVER",
  stands: "B",
  seen: "B's record is taken under an amended number, N-1-2, which it keeps. The settled conflict names both numbers.",
};
const noNumber: Verdict = {
  outcome: "accepted",
  settlement: null,
  stands: "B",
  seen: "No conflict: a deletion claims no number.",
};

const always = (verdict: Verdict): Row["verdicts"] => ({
  SERVER_WINS: verdict,
  CLIENT_WINS: verdict,
  MERGE: verdict,
  MANUAL: verdict,
});
const byPolicy = (merge: Verdict): Row["verdicts"] => ({
  SERVER_WINS: serverStands,
  CLIENT_WINS: clientStands,
  MERGE: merge,
  MANUAL: waits,
});
const unmerged = byPolicy(serverStandsUnmerged);
const merged = byPolicy(bothStand);

export const CONFLICT_TABLE: readonly Row[] = [
  {
    ...{ kind: "VERSION_MISMATCH", operation: "create", verdicts: unmerged },
    how: "B, an existing device that names no base, sends version 1; the server has version 2.",
  },
  {
    ...{ kind: "VERSION_MISMATCH", operation: "change", verdicts: merged },
    how: "B changes version 1 into its version 2; the server has version 3.",
  },
  {
    ...{ kind: "VERSION_MISMATCH", operation: "delete", verdicts: unmerged },
    how: "B deletes version 1, as version 2; the server has version 3.",
  },
  {
    ...{ kind: "HASH_MISMATCH", operation: "create", verdicts: unmerged },
    how: "B, an existing device that names no base, sends version 1; the server has another version 1.",
  },
  {
    ...{ kind: "HASH_MISMATCH", operation: "change", verdicts: merged },
    how: "B changes version 1 into its version 2; the server has another version 2.",
  },
  {
    ...{ kind: "HASH_MISMATCH", operation: "delete", verdicts: unmerged },
    how: "B deletes version 1, as version 2; the server has another version 2.",
  },
  {
    ...{ kind: "CONCURRENT_MODIFICATION", operation: "create", verdicts: always(seedsRule) },
    how: "B, an existing device that names no base, made and changed it offline: version 2; the server has version 1.",
  },
  {
    ...{ kind: "CONCURRENT_MODIFICATION", operation: "change", verdicts: merged },
    how: "B changed version 1 twice, into its version 3; the server has version 2.",
  },
  {
    ...{ kind: "CONCURRENT_MODIFICATION", operation: "delete", verdicts: unmerged },
    how: "B changed version 1 and then deleted it, as version 3; the server has version 2.",
  },
  {
    ...{ kind: "DELETED_ITEM", operation: "create", verdicts: unmerged },
    how: "B, an existing device that names no base, sends what A has deleted.",
  },
  {
    ...{ kind: "DELETED_ITEM", operation: "change", verdicts: unmerged },
    how: "B changes what A has deleted. To bring it back on purpose is a write made on the deletion, and is accepted.",
  },
  {
    ...{ kind: "DELETED_ITEM", operation: "delete", verdicts: always(bothDeleted) },
    how: "B deletes what A has deleted.",
  },
  {
    ...{ kind: "ID_TAKEN", operation: "create", verdicts: always(waitsWithBoth) },
    how: "B sends a new record with an id that A's record bears.",
  },
  {
    ...{ kind: "ID_TAKEN", operation: "change", verdicts: always(waitsWithBoth) },
    how: "B goes on to change that record of its own: its side of the conflict is replaced.",
  },
  {
    ...{ kind: "ID_TAKEN", operation: "delete", verdicts: always(nothingOfAs) },
    how: "B made a record with such an id and deleted it before it was sent.",
  },
  {
    ...{ kind: "NUMBER_TAKEN", operation: "create", verdicts: always(renumbered) },
    how: "B sends a new order with the number N-1, which A's order bears.",
  },
  {
    ...{ kind: "NUMBER_TAKEN", operation: "change", verdicts: always(renumbered) },
    how: "B gives an order of its own the number N-1, which A's order bears.",
  },
  {
    ...{ kind: "NUMBER_TAKEN", operation: "delete", verdicts: always(noNumber) },
    how: "B deletes an order of its own.",
  },
];

export const ANSWERS = ["theirs", "mine", "picked", "both"] as const;
export type Answer = (typeof ANSWERS)[number];
export const SITUATIONS = ["first", "record went on", "second", "guard refuses"] as const;
export type Situation = (typeof SITUATIONS)[number];

export interface Settled {
  readonly outcome: Outcome;
  /** Of the conflict, afterwards. */
  readonly settlement: "SERVER" | "CLIENT" | "MERGED" | "BOTH" | "OPEN";
  /** Whether the conflict keeps the answer as an attempt. */
  readonly attempt: boolean;
}

export const ANSWER_TEXTS: Readonly<Record<Answer, string>> = {
  theirs: "The server's value stays.",
  mine: "The side that lost is taken.",
  picked: "A value made of both.",
  both: "The record stays, and the side that lost becomes a record of its own.",
};
export const SITUATION_TEXTS: Readonly<Record<Situation, string>> = {
  first: "The answer comes first, and the record is what the person saw.",
  "record went on": "The record has changed since the person looked.",
  second: "Somebody else's answer, “pick per field”, came first.",
  "guard refuses": "The order has been paid since, as the person saw: its payment can't be undone.",
};

const settled = (outcome: Outcome, settlement: Settled["settlement"]): Settled => ({
  ...{ outcome, settlement, attempt: false },
});
const stillOpen: Settled = { outcome: "conflict", settlement: "OPEN", attempt: true };
const tooLate: Settled = { outcome: "conflict", settlement: "MERGED", attempt: true };
const refused: Settled = { outcome: "rejected", settlement: "OPEN", attempt: false };

/** What becomes of an answer to an open conflict. */
export const SETTLING_TABLE: Readonly<Record<Situation, Readonly<Record<Answer, Settled>>>> = {
  first: {
    theirs: settled("duplicate", "SERVER"),
    mine: settled("accepted", "CLIENT"),
    picked: settled("accepted", "MERGED"),
    // The new order claims the number that the other keeps.
    both: settled("merged", "BOTH"),
  },
  "record went on": { theirs: stillOpen, mine: stillOpen, picked: stillOpen, both: settled("merged", "BOTH") },
  second: { theirs: tooLate, mine: tooLate, picked: settled("duplicate", "MERGED"), both: tooLate },
  // A new record steps from nothing: no guard keeps it from being made.
  "guard refuses": {
    theirs: settled("duplicate", "SERVER"),
    mine: refused,
    picked: refused,
    both: settled("merged", "BOTH"),
  },
};
