/** How a device becomes one: the enrolment code for a token, kept until it is forgotten. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { enrolResponseSchema } from "@tillwire/protocol/messages";
import type { Identity } from "./api.ts";
import { browserEnvironment } from "./browser.ts";
import type { Environment } from "./environment.ts";
import { localName } from "./replica.ts";
import { request } from "./transports/http.ts";

/** Something on this device has not reached the server. */
export class UnsentWrites extends Error {
  constructor(readonly count: number) {
    super(`${count} unsent`);
    this.name = "UnsentWrites";
  }
}

/**
 * Exchanges a code for an identity. It is not kept yet (`saveIdentity`): the caller may have to refuse it.
 * @param url origin of the server
 * @param deviceId to come back as the same device, after its token was revoked or lost
 * @throws ReplicationError CODE_INVALID, RATE_LIMITED, UNAVAILABLE
 */
export async function enrol(
  url: string,
  code: string,
  deviceId?: string,
  env: Environment = browserEnvironment(),
): Promise<Identity> {
  const body = deviceId === undefined ? { code } : { code, deviceId };
  const answered = enrolResponseSchema.safeParse(await request(env, new URL("/api/enrol", url).href, {}, body));
  if (!answered.success) throw new ReplicationError("UNAVAILABLE", "the answer is no enrolment");
  return answered.data;
}

/**
 * Keeps who this device is, over a restart.
 * @throws UnsentWrites when it was another store's device and something of that store waits here
 */
export async function saveIdentity(identity: Identity, env: Environment = browserEnvironment()): Promise<void> {
  const before = await env.identities.load();
  if (before && before.storeId !== identity.storeId) await refuseWhileUnsent(before, env);
  await env.identities.save(identity);
}

/** Who this device is; null before it was enrolled. */
export async function loadIdentity(env: Environment = browserEnvironment()): Promise<Identity | null> {
  return env.identities.load();
}

/** @throws UnsentWrites while anything waits or needs attention; close the replica first */
export async function forgetIdentity(env: Environment = browserEnvironment()): Promise<void> {
  const identity = await env.identities.load();
  if (!identity) return;
  await refuseWhileUnsent(identity, env);
  await env.identities.forget();
}

async function refuseWhileUnsent(identity: Identity, env: Environment): Promise<void> {
  const store = await env.openStore(localName(identity.storeId));
  try {
    const rows = await store.read((tx) => tx.outbox());
    if (rows.length > 0) throw new UnsentWrites(rows.length);
  } finally {
    store.close();
  }
}
