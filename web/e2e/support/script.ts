/** A program of the shop that writes on its own account what no till does by itself: deletions, ids that are taken. */
import { hashOf, TOMBSTONE_HASH } from "@tillwire/protocol/hash";
import type { Change } from "@tillwire/protocol/messages";
import { newCode } from "./register.ts";
import type { ServerProcess } from "./server-process.ts";

export class Script {
  private constructor(
    private readonly server: ServerProcess,
    private readonly token: string,
  ) {}

  static async enrolled(server: ServerProcess, name: string): Promise<Script> {
    const { token } = await answerOf<{ token: string }>(server, "/api/enrol", "", {
      code: await newCode(server, name, "script"),
    });
    return new Script(server, token);
  }

  /** The current version. */
  async read(collection: string, localId: string): Promise<Change> {
    const path = `/api/records/${collection}/${localId}/history`;
    const { versions } = await answerOf<{ versions: Change[] }>(this.server, path, this.token);
    return versions[0]!;
  }
  /** On the current version. @returns the outcome */
  async delete(collection: string, localId: string): Promise<string> {
    const { syncVersion, hash } = await this.read(collection, localId);
    return this.#push({
      ...{ collection, localId, op: "delete", syncVersion: syncVersion + 1, hash: TOMBSTONE_HASH, data: null },
      base: { version: syncVersion, hash },
    });
  }
  /** As a new record, whatever there is. @returns the outcome */
  create(collection: string, localId: string, data: object): Promise<string> {
    const base = { version: 0, hash: null };
    return this.#push({ collection, localId, op: "put", syncVersion: 1, hash: hashOf(data), data, base });
  }

  async #push(write: object): Promise<string> {
    const { syncToken } = await answerOf<{ syncToken: string }>(this.server, "/api/sync/pull?limit=1", this.token);
    const body = { id: crypto.randomUUID(), syncToken, writes: [write] };
    const path = "/api/sync/push";
    const { results } = await answerOf<{ results: { outcome: string }[] }>(this.server, path, this.token, body);
    return results[0]!.outcome;
  }
}

async function answerOf<T>({ url }: ServerProcess, path: string, token: string, body?: object): Promise<T> {
  const response = await fetch(url + path, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
