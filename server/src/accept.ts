/**
 * The door through which every write of every transport comes. Per store one commit at a time; whatever arrives meanwhile joins the
 * next one.
 */
import type { ConflictPolicy, Result, Role } from "@tillwire/protocol/messages";
import type { DigestMap, EncodedChange } from "./store/store.ts";

/** Who sends: always from the token, never from a message. */
export interface Sender {
  readonly storeId: string;
  readonly deviceId: string;
  readonly role: Role;
}

/** What the seed's door knows beside the write. */
export interface SeedHints {
  /** `serverHash` of the item: names the latest version with that hash. */
  readonly baseHash: string | null;
  /** `createdAt` of the item's data: tells two sales that bear one id apart. */
  readonly createdAt: number | null;
  /** The item's creator, which may be another device. */
  readonly createdBy: string;
}

export interface SubmittedWrite {
  /** A `Write` as it came; checked here. */
  readonly write: unknown;
  readonly seed?: SeedHints;
}

export interface Submission {
  /** In the order of the request. */
  readonly results: Result[];
  /** For writes at the seed's door: where a value was filed under an amended id. By index. */
  readonly filedUnder: ReadonlyMap<number, string>;
}

/** Told after each commit, in order: what the hub sends on. */
export interface Committed {
  readonly storeId: string;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly at: number;
  readonly changes: readonly EncodedChange[];
  readonly digests: DigestMap;
}

export interface Accept {
  /**
   * Resolves after commit, never before. A bad write gets its own rejected result.
   * @param epoch the epoch that the sender's sync token names
   * @throws ReplicationError RESET (another epoch has begun; nothing was decided), DEVICE_REVOKED, UNAVAILABLE (queue full, database
   *   away: some writes may have been taken; sending them again is safe), SHUTTING_DOWN
   */
  submit(sender: Sender, epoch: string, writes: readonly SubmittedWrite[]): Promise<Submission>;
  /** Resolves when everything submitted has been settled; later submissions are refused with SHUTTING_DOWN. */
  drain(): Promise<void>;
  policyChanged(storeId: string): void;
}
export type PolicySource = (storeId: string, collection: string) => ConflictPolicy;
