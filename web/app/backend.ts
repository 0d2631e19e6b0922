/** What the app needs of the client before there is a replica: given by main.ts, replaced in the preview. */
import type { Identity, Replica } from "@tillwire/client/api";

export interface Backend {
  /** null: this browser was never enrolled. */
  loadIdentity(): Promise<Identity | null>;
  /**
   * Exchanges a code for an identity. It is not saved yet: the caller may have to refuse it.
   * @param deviceId to come back as the same device
   * @throws ReplicationError with the server's code; anything else: the server was not reached
   */
  enrol(code: string, deviceId?: string): Promise<Identity>;
  saveIdentity(identity: Identity): Promise<void>;
  openReplica(identity: Identity): Promise<Replica>;
}

export interface RegisterBackend extends Backend {
  /**
   * This browser is no device any more, in none of its tabs; close the replica first.
   * @throws UnsentWrites while anything waits or needs attention
   */
  forgetIdentity(): Promise<void>;
}
