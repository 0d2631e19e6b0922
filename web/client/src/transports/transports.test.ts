import { describe, expect, it } from "vitest";
import { ReplicationError } from "@tillwire/protocol/errors";
import type { Fetch } from "../environment.ts";
import { parseServerMessage } from "../wire.ts";
import { answer, httpLink, request } from "./http.ts";
import { webSocketLinks, type WebSocketLike } from "./websocket.ts";

class FakeSocket implements WebSocketLike {
  sent: string[] = [];
  closedWith: number | undefined;
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onclose: WebSocketLike["onclose"] = null;
  onerror: WebSocketLike["onerror"] = null;
  constructor(readonly url: string) {}
  send(text: string): void {
    this.sent.push(text);
  }
  close(code?: number): void {
    this.closedWith = code;
  }
}

describe("plain WebSocket", () => {
  function connect(url: string) {
    let socket!: FakeSocket;
    const heard: unknown[] = [];
    const link = webSocketLinks((target) => (socket = new FakeSocket(target)))(url, {
      opened: () => heard.push("opened"),
      received: (message) => heard.push(message),
      closed: (end) => heard.push(end),
    });
    return { socket, heard, link };
  }

  it("opens /sync of the origin, and carries no credentials in the address", () => {
    expect(connect("https://shop.example").socket.url).toBe("wss://shop.example/sync");
    expect(connect("http://192.168.1.9:8080").socket.url).toBe("ws://192.168.1.9:8080/sync");
  });

  it("one text frame per message; what is no JSON is no message", () => {
    const { socket, heard, link } = connect("http://shop.test");
    socket.onopen?.({} as never);
    link.send({ type: "ping", clock: 1 });
    socket.onmessage?.({ data: '{"type":"pong"}' } as never);
    socket.onmessage?.({ data: "<html>" } as never);
    socket.onmessage?.({ data: new Uint8Array(3) } as never);
    socket.onclose?.({ code: 4403, reason: "revoked" } as never);
    socket.onclose?.({ code: 1000, reason: "" } as never);
    expect(socket.sent).toEqual(['{"type":"ping","clock":1}']);
    expect(heard).toEqual(["opened", { type: "pong" }, undefined, { code: 4403, reason: "revoked" }]);
    expect(parseServerMessage(undefined)).toBeNull();
  });

  it("says nothing after it was closed from here, and survives socket errors (trap 12)", () => {
    const { socket, heard, link } = connect("http://shop.test");
    expect(socket.onerror).toBeTypeOf("function");
    link.close();
    socket.onopen?.({} as never);
    socket.onmessage?.({ data: "{}" } as never);
    socket.onclose?.({ code: 1000, reason: "" } as never);
    expect(heard).toEqual([]);
    expect(socket.closedWith).toBe(1000);
  });
});

describe("HTTP", () => {
  const caught = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return error as ReplicationError;
    }
    return null;
  };

  it("an answer is a message, or an error with the server's code", () => {
    expect(answer(200, null, { type: "pushed" })).toEqual({ type: "pushed" });
    expect(caught(() => answer(401, null, { code: "DEVICE_REVOKED" }))).toMatchObject({
      code: "DEVICE_REVOKED",
      retry: "reauthenticate",
    });
    expect(caught(() => answer(429, "3", {}))).toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 3000 });
    expect(caught(() => answer(426, null, undefined))).toMatchObject({ retry: "upgrade" });
    expect(caught(() => answer(502, null, undefined))).toMatchObject({ code: "UNAVAILABLE", retry: "backoff" });
    expect(caught(() => answer(418, null, { code: "toString" }))).toMatchObject({ code: "UNAVAILABLE" });
  });

  it("a captive portal's page is no answer", () => {
    expect(caught(() => answer(200, null, undefined))).toMatchObject({ code: "UNAVAILABLE" });
  });

  it("409 RESET is the message `reset`", () => {
    expect(answer(409, null, { code: "RESET", epoch: "e2", reoffer: false })).toMatchObject({
      type: "reset",
      epoch: "e2",
      reoffer: false,
    });
    expect(answer(409, null, { code: "RESET" })).toMatchObject({ reoffer: true });
  });

  it("asks with the token of the moment, and names what it wants", async () => {
    const asked: [string, unknown][] = [];
    const fetch: Fetch = async (url, init) => {
      asked.push([`${init.method} ${url}`, init.headers["authorization"]]);
      return { status: 200, headers: { get: () => null }, text: async () => "{}" };
    };
    let token = "one";
    const http = httpLink("http://shop.test", () => token, { fetch, setTimer: () => () => {} });
    await http.pull(null, undefined);
    token = "two";
    await http.pull("tw1.e.5.all", ["orders", "conflicts"]);
    await http.push("p-1", "tw1.e.5.all", []);
    expect(asked).toEqual([
      ["GET http://shop.test/api/sync/pull", "Bearer one"],
      ["GET http://shop.test/api/sync/pull?since=tw1.e.5.all&collections=orders%2Cconflicts", "Bearer two"],
      ["POST http://shop.test/api/sync/push", "Bearer two"],
    ]);
  });

  it("a request without an answer ends after 30 s, an aborted one at once", async () => {
    let fire = () => {};
    const host = {
      fetch: ((_url, init) =>
        new Promise((_, reject) =>
          init.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
        )) as Fetch,
      setTimer: (run: () => void, delayMs: number) => {
        expect(delayMs).toBe(30_000);
        fire = run;
        return () => {};
      },
    };
    const slow = request(host, "http://shop.test/", {}, null);
    fire();
    await expect(slow).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const http = httpLink("http://shop.test", () => "", host);
    const pulled = http.pull(null, undefined);
    http.abort();
    await expect(pulled).rejects.toBeInstanceOf(ReplicationError);
  });
});
