/** What has occurred, over a run or a batch of runs; and what must have, for the batch to prove anything. */
import { ERRORS } from "@tillwire/protocol/errors";
import { conflictKindSchema, outcomeSchema, policySchema } from "@tillwire/protocol/messages";
import { DEEDS, MACHINE_FAULTS, SHOP_FAULTS } from "./plan.ts";

export class Coverage {
  readonly counts = new Map<string, number>();

  add(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  merge(other: Iterable<readonly [string, number]>): void {
    for (const [what, times] of other) this.add(what, times);
  }
}

/** Codes that no device can meet here: of the administrator's and the enrolment's doors, and of what only a real transport finds. */
const UNREACHABLE_CODES = new Set<string>([
  ...["FORBIDDEN", "FOREIGN_ORIGIN", "METHOD_NOT_ALLOWED", "UNSUPPORTED_MEDIA_TYPE", "INTERNAL"],
]);

/** Everything that a large enough batch must have met. */
export function expectedCoverage(): string[] {
  const codes = Object.keys(ERRORS).filter((code) => !UNREACHABLE_CODES.has(code));
  return [
    ...outcomeSchema.options.map((outcome) => `outcome ${outcome}`),
    ...conflictKindSchema.options.map((kind) => `conflict ${kind}`),
    ...policySchema.options.map((policy) => `policy ${policy}`),
    ...["stale", "number", "decided", "policy", "revoked"].map((reason) => `refusal ${reason}`),
    ...["EPOCH_CHANGED", "CURSOR_AHEAD"].map((reason) => `reset ${reason}`),
    ...["SCHEMA", "HASH_WRONG", "COLLECTION_UNKNOWN", "ROLE", "GUARD", "WRITE_MALFORMED", "TEXT_INVALID"].map(
      (code) => `rejection ${code}`,
    ),
    ...codes.map((code) => `error ${code}`),
    ...[
      "crash before commit",
      "crash after commit",
      "kill inside tx",
      "kill after tx",
      "restore",
      "restore unnoticed",
    ].map((fault) => `did ${fault}`),
    ...[...new Set<string>([...DEEDS, ...MACHINE_FAULTS, ...SHOP_FAULTS])].map((step) => `step ${step}`),
  ];
}
