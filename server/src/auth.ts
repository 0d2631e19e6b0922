/** Who speaks: the device that a token belongs to. The database keeps SHA-256 of tokens only, and is asked each time. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { sha256Hex } from "@tillwire/protocol/hash";
import type { Role } from "@tillwire/protocol/messages";
import type { Gate } from "./gate.ts";
import type { Runtime } from "./runtime.ts";
import type { DeviceStore } from "./store/device-store.ts";

export interface Device {
  readonly storeId: string;
  readonly deviceId: string;
  readonly role: Role;
  readonly name: string;
  /** Of the enrolment that gave the token. */
  readonly registerCode?: string;
}

export interface Auth {
  /** @throws ReplicationError UNAUTHENTICATED, DEVICE_REVOKED, UNAVAILABLE */
  authenticate(token: string | null): Promise<Device>;
}

export function createAuth(devices: DeviceStore, gate: Gate): Auth {
  return {
    async authenticate(token) {
      if (!token) throw new ReplicationError("UNAUTHENTICATED", "a device token is needed");
      const hash = sha256Hex(token);
      // Whose shop it is will be known then; so many requests with one token wait for each other alone.
      const device = await gate.run(() => devices.findByTokenHash(hash), hash);
      if (!device) throw new ReplicationError("UNAUTHENTICATED", "the token is not known");
      if (device.revoked) throw new ReplicationError("DEVICE_REVOKED", "the device was revoked");
      const { storeId, deviceId, role, name, registerCode } = device;
      return { storeId, deviceId, role, name, registerCode };
    },
  };
}

/** 256 random bits. */
export function newToken(runtime: Runtime): string {
  return Buffer.from(runtime.random(32)).toString("base64url");
}
