/** What has occurred, over a run or a batch of runs; and what must have, for the batch to prove anything. */
import { ERRORS, REJECTIONS } from "@tillwire/protocol/errors";
import { conflictKindSchema, outcomeSchema, policySchema, resetReasonSchema } from "@tillwire/protocol/messages";
import type { RefusalReason } from "@tillwire/server/store/store";
import { DEEDS, FAULTS } from "./steps.ts";

export class Coverage {
  readonly counts = new Map<string, number>();

  add(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  merge(other: Iterable<readonly [string, number]>): void {
    for (const [what, times] of other) this.add(what, times);
  }
}

/** Codes that no device can meet here: of doors that only a real transport has, and of what must never happen. */
const UNREACHABLE_CODES = new Set<string>([
  ...["FOREIGN_ORIGIN", "METHOD_NOT_ALLOWED", "UNSUPPORTED_MEDIA_TYPE", "INTERNAL"],
]);
/** The twins refuse no data; and what would need a version beyond the last is refused on its device, or gives way. */
const UNREACHABLE_REJECTIONS = new Set<string>(["WRITE_FAILED", "VERSION_EXHAUSTED"]);

/** Why a commit takes a write back to be decided again. */
const REFUSALS: readonly RefusalReason[] = ["stale", "number", "decided", "policy", "revoked"];

/** Troubles that a step may bring about, or not: these have had their effect. */
const EFFECTS = [
  ...["loss", "duplication", "reordering across links", "half open", "one way up", "one way down"],
  ...["crash before commit", "crash after commit", "node crash with two nodes", "restore", "restore unnoticed"],
  ...["kill inside tx", "kill after tx", "power cut", "clear storage", "copy device", "revoke", "enrol anew"],
];

/** Everything that a large enough batch must have met. */
export function expectedCoverage(): string[] {
  const codes = Object.keys(ERRORS).filter((code) => !UNREACHABLE_CODES.has(code));
  const rejections = REJECTIONS.filter((code) => !UNREACHABLE_REJECTIONS.has(code));
  return [
    ...outcomeSchema.options.map((outcome) => `outcome ${outcome}`),
    ...conflictKindSchema.options.map((kind) => `conflict ${kind}`),
    ...policySchema.options.map((policy) => `policy ${policy}`),
    ...REFUSALS.map((reason) => `refusal ${reason}`),
    ...resetReasonSchema.options.map((reason) => `reset ${reason}`),
    ...rejections.map((code) => `rejection ${code}`),
    ...codes.map((code) => `error ${code}`),
    ...["server", "client", "both", "merged"].map((choice) => `settled ${choice}`),
    ...EFFECTS.map((effect) => `did ${effect}`),
    "disk QuotaExceededError",
    ...[...new Set<string>([...DEEDS, ...FAULTS])].map((step) => `step ${step}`),
  ];
}
