/** A value made of both sides, field by field as a person picked. Pure. */
import type { AnyCollection } from "@tillwire/protocol/collection";
import { isObject, membersById, own } from "@tillwire/protocol/differences";

type Data = Record<string, unknown>;

/**
 * The server's value with what was picked of the other side, totals and the like computed anew.
 * @param picked paths as `fieldDifferences(client, server)` gives them
 */
export function pickedData(
  collection: AnyCollection | undefined,
  client: Data,
  server: Data,
  picked: ReadonlySet<string>,
): Data {
  const data = pickObject(client, server, "", picked);
  return collection?.derive ? collection.derive(data, server, client) : data;
}

/** The picks with one more row taken from that side: keys of rows that are taken from the losing one. */
export function withPick(picked: ReadonlySet<string>, key: string, role: "client" | "server"): ReadonlySet<string> {
  const others = [...picked].filter((each) => each !== key);
  return new Set(role === "client" ? [...others, key] : others);
}

/** The same walk as that of the differences, so that a path means the same here, whatever stands in it. */
function pick(client: unknown, server: unknown, path: string, picked: ReadonlySet<string>): unknown {
  if (picked.has(path)) return client;
  if (isObject(client) && isObject(server)) return pickObject(client, server, path, picked);
  const [mine, theirs] = [membersById(client), membersById(server)];
  return mine && theirs ? pickMembers(mine, theirs, path, picked) : server;
}

function pickObject(client: Data, server: Data, path: string, picked: ReadonlySet<string>): Data {
  const result: Data = {};
  for (const key of new Set([...Object.keys(server), ...Object.keys(client)])) {
    const value = pick(own(client, key), own(server, key), path === "" ? key : `${path}.${key}`, picked);
    // an absent member stays absent; whatever its name, it is the object's own
    if (value !== null || Object.hasOwn(server, key))
      Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return result;
}

/** In the server's order; what only the other side has follows what it follows there. */
function pickMembers(
  client: ReadonlyMap<string, Data>,
  server: ReadonlyMap<string, Data>,
  path: string,
  picked: ReadonlySet<string>,
): Data[] {
  const chosen = new Map<string, Data>();
  const order = [...server.keys()];
  const mine = [...client.keys()];
  for (const [index, id] of mine.entries()) {
    if (!server.has(id)) order.splice(order.indexOf(mine[index - 1] ?? "") + 1, 0, id);
  }
  for (const id of order) {
    const value = pick(client.get(id) ?? null, server.get(id) ?? null, `${path}.${id}`, picked);
    if (isObject(value)) chosen.set(id, value);
  }
  return [...chosen.values()];
}
