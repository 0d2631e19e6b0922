/** How a browser or a script becomes a device: a single-use code from the administrator against a token that is shown once. */
import { SERVER_DEVICE_ID } from "@tillwire/protocol/conflicts";
import { ReplicationError } from "@tillwire/protocol/errors";
import { sha256Hex } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { EnrolResponse, Role } from "@tillwire/protocol/messages";
import { newToken } from "./auth.ts";
import { NOBODYS, type Gate } from "./gate.ts";
import { newUuid, type Runtime } from "./runtime.ts";
import type { EnrolmentStore } from "./store/enrolment-store.ts";
import { createTokenBuckets } from "./token-bucket.ts";

export interface Enrolments {
  /** A code, valid for ten minutes. */
  create(storeId: string, name: string, role: Role): Promise<{ code: string; expiresAt: number }>;
  /** @throws ReplicationError CODE_INVALID, UNPROCESSABLE (a reserved deviceId), RATE_LIMITED per address */
  enrol(
    request: { readonly code: string; readonly deviceId?: string | undefined },
    address: string,
  ): Promise<EnrolResponse>;
}

export interface EnrolmentOptions {
  readonly store: EnrolmentStore;
  readonly gate: Gate;
  readonly runtime: Runtime;
  /** Whoever held this id before has no token any more. */
  readonly onReEnrolled: (storeId: string, deviceId: string) => void;
}

/** Without 0 O 1 I L U. */
const ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH = 8;

export function createEnrolments({ store, gate, runtime, onReEnrolled }: EnrolmentOptions): Enrolments {
  // A wrong code belongs to no enrolment, so guessing is slowed per address. A right one is no guess.
  const attempts = createTokenBuckets(
    { perSecond: LIMITS.enrolmentsPerMinute / 60, burst: LIMITS.enrolmentsPerMinute },
    runtime.now,
  );
  return {
    async create(storeId, name, role) {
      const code = newCode(runtime);
      const expiresAt = runtime.now() + LIMITS.enrolmentTtlMs;
      const enrolment = { codeHash: sha256Hex(code), storeId, name, role, expiresAt };
      await gate.run(() => store.create(enrolment), storeId);
      return { code, expiresAt };
    },
    async enrol(request, address) {
      const waitMs = attempts.take(address);
      if (waitMs > 0) throw new ReplicationError("RATE_LIMITED", "too many tries", waitMs);
      const codeHash = sha256Hex(normalised(request.code));
      const deviceId = request.deviceId ?? newUuid(runtime);
      if (deviceId === SERVER_DEVICE_ID) {
        await gate.run(() => store.countTry(codeHash), NOBODYS);
        throw new ReplicationError("UNPROCESSABLE", "this deviceId is reserved");
      }
      const token = newToken(runtime);
      const device = { deviceId, tokenHash: sha256Hex(token) };
      const redeem = () => store.redeem(codeHash, device, runtime.now(), LIMITS.enrolmentTries);
      const enrolled = await gate.run(redeem, NOBODYS);
      if (!enrolled) throw new ReplicationError("CODE_INVALID", "the code is not known, was used or has expired");
      attempts.giveBack(address);
      const { storeId, storeName, registerCode, role, name, reEnrolled } = enrolled;
      if (reEnrolled) onReEnrolled(storeId, deviceId);
      return { token, deviceId, storeId, registerCode, role, name, storeName };
    },
  };
}

/** Bytes that would favour some letters are thrown away. */
function newCode(runtime: Runtime): string {
  const fair = 256 - (256 % ALPHABET.length);
  let code = "";
  while (code.length < CODE_LENGTH) {
    for (const byte of runtime.random(CODE_LENGTH))
      if (byte < fair && code.length < CODE_LENGTH) code += ALPHABET[byte % ALPHABET.length]!;
  }
  return code;
}

/** As people type it: in small letters, with spaces or hyphens. */
function normalised(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, "");
}
