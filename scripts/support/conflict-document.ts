/** server/CONFLICTS.md as text, made from the table that server/test/conflict-table.test.ts plays. */
import type { ConflictKind } from "../../protocol/src/messages.ts";
import {
  ANSWERS,
  ANSWER_TEXTS,
  CONFLICT_TABLE,
  KINDS,
  POLICIES,
  SETTLING_TABLE,
  SITUATIONS,
  SITUATION_TEXTS,
  type Row,
  type Verdict,
} from "../../server/test/conflict-table.ts";

const INTRODUCTION = `# Conflicts: what the server decides

Made by \`npx tsx scripts/conflict-table.ts\` from \`server/test/conflict-table.ts\`, whose every case is a test on a real PostgreSQL
(\`server/test/conflict-table.test.ts\`). Don't edit it here.

Two registers, A and B, know an order. A's write has reached the server; then comes B's, made without knowing A's. A changed the
notes and the table, B changed the notes and the customer. What becomes of B's write depends on how the two clash, on what B did, and on
the collection's policy in that shop. Whatever it is: B gets one result, the same again however often it sends, and no policy destroys
either side. What does not stand is in the conflict, which travels to every device, and in the record's history.

**In short.** The outcome that B is told, and what then stands:
`;

const EXCEPTIONS = `A guard holds under every policy: what a guard refuses (a paid order that would be unpaid, a completed payment that would change)
never stands. Where the policy would have let it, the server's value stands as under SERVER_WINS, settled; where it was no
conflict, and where it was the answer to one, it is rejected with the code GUARD, and the conflict waits on.
`;

const SETTLING = `## Answers to a conflict that waits

An answer is a write that names the conflict in \`resolves\`, made by any device that may write the collection. It is saved first and
travels like any other, so that it may come too late. What was not taken is kept in the conflict's \`attempts\`: the latest three, or as
many as there is room for; older ones are in the conflict's history.
`;

export function conflictDocument(): string {
  const kinds = (Object.keys(KINDS) as ConflictKind[]).map(kindSection);
  return [INTRODUCTION, overview(), EXCEPTIONS, ...kinds, SETTLING, settlingTable()].join("\n");
}

function overview(): string {
  const head = ["", "", ...POLICIES.map((policy) => `${policy}`)];
  const rows = CONFLICT_TABLE.map(({ kind, operation, verdicts }) => [
    ...[`[${kind}](#${kind.toLowerCase()})`, operation],
    ...POLICIES.map((policy) => brief(verdicts[policy])),
  ]);
  return table(head, rows);
}

const STANDING = { A: "A's", B: "B's", both: "both" } as const;

function brief({ outcome, settlement, stands }: Verdict): string {
  return `${outcome}: ${settlement === "OPEN" ? "A's, a person decides" : STANDING[stands]}`;
}

function kindSection(kind: ConflictKind): string {
  const rows = CONFLICT_TABLE.filter((row) => row.kind === kind).map(operationSection);
  return `## ${kind}\n\n${KINDS[kind]}\n\n${rows.join("\n")}`;
}

function operationSection({ operation, how, verdicts }: Row): string {
  // Policies that make the same of it share a line.
  const lines = new Map<Verdict, string[]>();
  for (const policy of POLICIES) lines.set(verdicts[policy], [...(lines.get(verdicts[policy]) ?? []), policy]);
  const rows = [...lines].map(([verdict, policies]) => [
    policies.length === POLICIES.length ? "every policy" : policies.join(", "),
    `\`${verdict.outcome}\``,
    verdict.settlement === null ? "none" : verdict.settlement === "OPEN" ? "open" : `settled: ${verdict.settlement}`,
    verdict.seen,
  ]);
  return `**${operation}.** ${how}\n\n${table(["policy", "outcome", "conflict", "what people see"], rows)}`;
}

function settlingTable(): string {
  const head = ["", ...ANSWERS.map((answer) => `${answer}: ${ANSWER_TEXTS[answer]}`)];
  const rows = SITUATIONS.map((situation) => [
    SITUATION_TEXTS[situation],
    ...ANSWERS.map((answer) => {
      const { outcome, settlement, attempt } = SETTLING_TABLE[situation][answer];
      const conflict = settlement === "OPEN" ? "stays open" : `settled: ${settlement}`;
      return `\`${outcome}\`, ${conflict}${attempt ? ", kept as an attempt" : ""}`;
    }),
  ]);
  return table(head, rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}
