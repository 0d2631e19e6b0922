/** A small collection set, replicas over the fake server, and how to look at them. */
import * as z from "zod/mini";
import { collectionSet, defineCollection } from "@tillwire/protocol/collection";
import { conflicts } from "@tillwire/protocol/conflicts";
import { hashOf } from "@tillwire/protocol/hash";
import type { Write } from "@tillwire/protocol/messages";
import type { Identity, Replica, ReplicaOptions } from "../src/api.ts";
import type { Environment } from "../src/environment.ts";
import type { Observable } from "../src/observe.ts";
import { createReplica } from "../src/replica.ts";
import { FakeServer } from "./fake-server.ts";
import { virtualHost, VirtualTime } from "./virtual-host.ts";

export interface Note {
  id: string;
  text: string;
  paid?: boolean;
  [member: string]: unknown;
}

const noteSchema = z.looseObject({ id: z.string(), text: z.string(), paid: z.optional(z.boolean()) });

export const notes = defineCollection<Note>({
  name: "notes",
  schema: noteSchema,
  guard: (current, next) => (current?.paid && !next?.paid ? "a paid note stays paid" : null),
});
export const entries = defineCollection<Note>({
  name: "entries",
  schema: noteSchema,
  appendOnly: true,
});
export const COLLECTIONS = collectionSet([notes, entries, conflicts]);

export function identityOf(deviceId: string, role: Identity["role"] = "register"): Identity {
  return {
    token: `token-${deviceId}`,
    deviceId,
    storeId: "shop-1",
    registerCode: "K7",
    role,
    name: deviceId,
    storeName: "Shop",
  };
}

export interface World {
  readonly time: VirtualTime;
  readonly server: FakeServer;
  /** The environment that this device's replicas share: its tabs, its restarts. */
  host(deviceId: string, parts?: Partial<Environment>): Environment;
  open(deviceId: string, options?: Partial<ReplicaOptions>, env?: Environment): Promise<Replica>;
}

export function world(turnsPerStep = 1): World {
  const time = new VirtualTime(turnsPerStep);
  const server = new FakeServer(time);
  const hosts = new Map<string, Environment>();
  function host(deviceId: string, parts: Partial<Environment> = {}): Environment {
    const openLink = { "socket.io": server.openLink(deviceId), websocket: server.openLink(deviceId) };
    // unique among devices, as UUIDs are
    let ids = 0;
    const newId = () => `id-${deviceId}-${++ids}`;
    return virtualHost(time, { openLink, fetch: server.fetch(deviceId), newId, ...parts });
  }
  return {
    ...{ time, server, host },
    open(deviceId, options = {}, env) {
      const own = env ?? hosts.get(deviceId) ?? host(deviceId);
      hosts.set(deviceId, own);
      return createReplica(
        { url: "http://shop.test", identity: identityOf(deviceId), collections: COLLECTIONS, ...options },
        own,
      );
    },
  };
}

/** The value that an observable holds now, read again whenever it is asked for. */
export function latest<T>(source: Observable<T>): { readonly value: T | undefined; stop(): void } {
  let value: T | undefined;
  const subscription = source.subscribe((next) => (value = next));
  return {
    get value() {
      return value;
    },
    stop: () => subscription.unsubscribe(),
  };
}

/** A write as another device would send it. */
export function noteWrite(
  localId: string,
  text: string,
  syncVersion: number,
  base: Write["base"],
  more: Partial<Note> = {},
): Write {
  const data = { id: localId, text, ...more };
  return { collection: "notes", localId, op: "put", syncVersion, base, hash: hashOf(data), data };
}

export async function textOf(replica: Replica, localId: string): Promise<string | undefined> {
  return (await replica.collection(notes).get(localId))?.data.text;
}
