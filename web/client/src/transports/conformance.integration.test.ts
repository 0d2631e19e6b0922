/**
 * One suite for every way to the server, each with the client's own end of it: a link without any transport (loopback), plain WebSocket,
 * Socket.IO, and HTTP. Whatever carries them, the same questions get the same answers.
 */
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { ReplicationError } from "@tillwire/protocol/errors";
import { hashOf } from "@tillwire/protocol/hash";
import type { Changes, Pushed, Reset, Write } from "@tillwire/protocol/messages";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { formatSyncToken } from "@tillwire/protocol/sync-token";
import { createMetrics } from "@tillwire/server/metrics";
import { createNode, type Node } from "@tillwire/server/node";
import { systemRuntime } from "@tillwire/server/runtime";
import { postgresDatabase } from "@tillwire/server/store/database";
import { startTestServer, type TestServer } from "../../../../server/test/support/server.ts";
import { httpLink } from "./http.ts";
import type { OpenLink } from "./link.ts";
import { openSocketIo } from "./socket-io.ts";
import { webSocketLinks } from "./websocket.ts";

/** What a device and the server say to each other, whichever way. Each is rejected with the server's ReplicationError. */
interface Way {
  push(syncToken: string | null, writes: readonly unknown[]): Promise<Pushed>;
  /** From there to the head. A `reset` comes first where the server says one. */
  pull(since: string | null): Promise<readonly (Reset | Changes)[]>;
  close(): void;
}

let shop: TestServer;
let node: Node;
beforeAll(async () => {
  shop = await startTestServer();
  node = createNode({
    ...{ database: postgresDatabase(shop.database.sql), collections: SHOP_COLLECTIONS },
    ...{ log: pino({ level: "silent" }), runtime: systemRuntime, metrics: createMetrics(false) },
  });
});
afterAll(async () => {
  await node.accept.drain();
  node.sessions.drain();
  await shop.stop();
});

const loopback: OpenLink = (_url, events) => {
  const listener = node.sessions.open({
    ...{ transport: "websocket", remoteAddress: "here", bufferedBytes: 0 },
    send: (text) => queueMicrotask(() => events.received(JSON.parse(text))),
    close: (code, reason) => queueMicrotask(() => events.closed({ code, reason })),
  });
  queueMicrotask(() => events.opened());
  return { send: (message) => listener?.message(JSON.stringify(message)), close: () => listener?.closed() };
};

/** Every question is a conversation of its own: a hello, what is asked, and the end. */
function live(open: OpenLink, token: string): Way {
  function converse<T>(
    syncToken: string | null,
    hear: (message: any, say: (message: any) => void) => T | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const link = open(shop.url, {
        opened: () => link.send({ type: "hello", protocol: 1, token, syncToken }),
        received: (message: any) => {
          if (message.type === "error")
            return finish(() => reject(new ReplicationError(message.code, message.message)));
          const answer = hear(message, (said) => link.send(said));
          if (answer !== undefined) finish(() => resolve(answer));
        },
        closed: ({ reason }) => reject(new Error(`closed without an answer: ${reason}`)),
      });
      const finish = (end: () => void): void => {
        end();
        link.close();
      };
    });
  }
  return {
    push: (syncToken, writes) =>
      converse(syncToken, (message, say) => {
        if (message.type === "welcome") say({ type: "push", id: "p", writes });
        return message.type === "pushed" ? (message as Pushed) : undefined;
      }),
    pull(since) {
      const heard: (Reset | Changes)[] = [];
      return converse(since, (message) => {
        if (message.type === "reset" || message.type === "changes") heard.push(message);
        return message.type === "changes" && message.to === message.head ? heard : undefined;
      });
    },
    close: () => undefined,
  };
}

function http(token: string): Way {
  const setTimer = (run: () => void, ms: number) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  };
  const link = httpLink(shop.url, () => token, { fetch: (url, init) => fetch(url, init), setTimer });
  return {
    push: async (syncToken, writes) => {
      const token = syncToken ?? ((await link.pull(null, undefined)) as Changes).syncToken;
      return (await link.push("p", token, writes as Write[])) as Pushed;
    },
    async pull(since) {
      const heard: (Reset | Changes)[] = [];
      for (let from = since; ;) {
        const message = (await link.pull(from, undefined)) as Reset | Changes;
        heard.push(message);
        if (message.type === "changes" && message.to === message.head) return heard;
        from = message.type === "changes" ? message.syncToken : null;
      }
    },
    close: () => link.abort(),
  };
}

const WAYS: Readonly<Record<string, (token: string) => Way>> = {
  loopback: (token) => live(loopback, token),
  WebSocket: (token) =>
    live(
      webSocketLinks((url) => new WebSocket(url)),
      token,
    ),
  "Socket.IO": (token) => live(openSocketIo, token),
  HTTP: http,
};

function put(localId: string, text = "x", base = { version: 0, hash: null as string | null }): Write {
  const data = { id: localId, name: "Tea", price: 1, text };
  const syncVersion = base.version + 1;
  return { collection: "products", localId, op: "put", syncVersion, base, hash: hashOf(data), data };
}
const changesOf = (heard: readonly (Reset | Changes)[]): Changes[] =>
  heard.filter((message) => message.type === "changes");
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof ReplicationError ? error.code : String(error)),
  );

test("there is more than one way", () => {
  expect(Object.keys(WAYS)).toEqual(["loopback", "WebSocket", "Socket.IO", "HTTP"]);
});

describe.each(Object.entries(WAYS))("over %s", (_name, speak) => {
  const enrolled = async (): Promise<Way & { readonly deviceId: string; readonly token: string }> => {
    const { token, deviceId } = await shop.enrol();
    return { ...speak(token), deviceId, token };
  };

  test("every write gets a result, in order; a bad one is rejected alone, by its code", async () => {
    const device = await enrolled();
    const [good, other] = [put(randomUUID()), put(randomUUID())];
    const { id, results } = await device.push(null, [good, { ...put("x"), hash: "0".repeat(64) }, null, other]);
    expect(id).toBe("p");
    expect(results.map((result) => result.code ?? result.outcome)).toEqual([
      ...["accepted", "HASH_WRONG", "WRITE_MALFORMED", "accepted"],
    ]);
    expect(results[3]!.seq).toBeGreaterThan(results[0]!.seq!);
  });

  test("S2: what is sent again is a duplicate, over the same way and over any other", async () => {
    const device = await enrolled();
    const write = put(randomUUID());
    expect((await device.push(null, [write])).results[0]).toMatchObject({ outcome: "accepted" });
    for (const another of Object.values(WAYS))
      expect((await another(device.token).push(null, [write])).results[0]).toMatchObject({ outcome: "duplicate" });
  });

  test("S4: frames begin where the last one ended, from 0 to the head, and then from the token that they gave", async () => {
    const [device, writer] = [await enrolled(), await enrolled()];
    // More than one page of the feed, by its bytes.
    for (let i = 0; i < 4; i++) await writer.push(null, [put(randomUUID(), "long ".repeat(20_000))]);
    const frames = changesOf(await device.pull(null));
    expect(frames.length).toBeGreaterThan(1);
    expect(frames.map(({ from }) => from)).toEqual([0, ...frames.slice(0, -1).map(({ to }) => to)]);
    const last = frames.at(-1)!;
    expect([last.to, Object.keys(last.digests ?? {}).length > 0]).toEqual([last.head, true]);
    const write = put(randomUUID());
    await writer.push(null, [write]);
    const more = changesOf(await device.pull(last.syncToken));
    expect(more[0]!.from).toBe(last.to);
    expect(more.flatMap(({ changes }) => changes.map(({ localId }) => localId))).toEqual([write.localId]);
  });

  test("a stale base is a conflict, with the server's value", async () => {
    const device = await enrolled();
    const write = put(randomUUID(), "first");
    await device.push(null, [write]);
    const base = { version: 1, hash: write.hash };
    await device.push(null, [put(write.localId, "second", base)]);
    const { results } = await (await enrolled()).push(null, [put(write.localId, "late", base)]);
    expect(results[0]!.outcome).toMatch(/^(conflict|merged)$/);
    expect(results[0]!.conflict).toMatchObject({ fields: expect.any(Array) as unknown });
  });

  test("a token of another epoch is answered by reset", async () => {
    const device = await enrolled();
    const foreign = formatSyncToken({ epoch: "another", cursor: 3, choice: "all" });
    const [first, second] = await device.pull(foreign);
    expect(first).toMatchObject({ type: "reset", reason: "EPOCH_CHANGED" });
    expect(second).toMatchObject({ type: "changes", from: 0 });
  });

  test("S11: an unknown token is refused, and a revoked one, each by its code", async () => {
    expect(await codeOf(speak("nobody's").pull(null))).toBe("UNAUTHENTICATED");
    const device = await enrolled();
    expect((await shop.admin("DELETE", `/api/admin/devices/${device.deviceId}`)).status).toBe(204);
    expect(await codeOf(device.pull(null))).toBe("DEVICE_REVOKED");
    expect(await codeOf(device.push(null, [put(randomUUID())]))).toBe("DEVICE_REVOKED");
  });

  test("a push that is too large is refused as TOO_LARGE, and nothing of it is taken", async () => {
    const device = await enrolled();
    const { syncToken } = changesOf(await device.pull(null)).at(-1)!;
    const writes = Array.from({ length: 6 }, () => put(randomUUID(), "x".repeat(200 * 1024)));
    expect(await codeOf(device.push(syncToken, writes))).toBe("TOO_LARGE");
    expect(changesOf(await device.pull(syncToken)).flatMap(({ changes }) => changes)).toEqual([]);
  });
});
