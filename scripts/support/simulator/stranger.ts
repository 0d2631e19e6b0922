/** Somebody who speaks to the server as no client of ours would: every bad input has its code, and harms nobody. */
import { hashOf } from "@tillwire/protocol/hash";
import type { LinkListener } from "@tillwire/server/link";
import type { Coverage } from "./coverage.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { ServerNode } from "./server-node.ts";

const note = (more: object = {}): object => {
  const data = { id: "stranger", text: "hello", ...more };
  return {
    ...{ collection: "notes-server", localId: "stranger", op: "put", syncVersion: 1, base: { version: 0, hash: null } },
    ...{ hash: hashOf(data), data },
  };
};

const deep = (levels: number): object => (levels === 0 ? {} : { down: deep(levels - 1) });

/** Writes that are rejected, each for a reason of its own. */
const BAD_WRITES: readonly object[] = [
  { ...note(), hash: "0".repeat(64) },
  { ...note(), collection: "nothing" },
  { ...note(), data: { id: 1 }, hash: hashOf({ id: 1 }) },
  { ...note(), collection: "conflicts" },
  { ...note(), syncVersion: 0 },
  { ...note(), base: { version: 3, hash: null } },
  { ...note(), data: { id: "stranger", text: "\u0000" } },
  { ...note(), data: { id: "stranger", text: "x", more: deep(40) } },
  { ...note(), data: { id: "stranger", text: "x".repeat(300_000) } },
  { ...note(), data: { id: "stranger", text: "x", more: "huge" } },
];
const HUGE = '"more":"huge"';
/** JSON, and nothing that JavaScript has a number for. */
const HUGE_NUMBER = '"more":1e400';

const FINAL = note({ final: true });
const NOT_FINAL = {
  ...note({ final: false }),
  ...{ syncVersion: 2, base: { version: 1, hash: hashOf({ id: "stranger", text: "hello", final: true }) } },
};

/** A record that has no version left, and an edit that would need one: it gives way, and people here are refused. */
const LAST = { ...note({ id: "last" }), collection: "notes-client", localId: "last", syncVersion: 2 ** 31 - 1 };
const BEYOND_LAST = {
  ...{ ...note({ id: "last", text: "more" }), collection: "notes-client", localId: "last" },
  ...{ syncVersion: 2, base: { version: 1, hash: hashOf({ id: "last" }) } },
};

/** What one stranger tries. */
const VISITS = 3;

export class Stranger {
  constructor(
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly coverage: Coverage,
  ) {}

  /** @param machine whose token the stranger has, if it has one */
  visit(node: ServerNode, machine: Machine, nodes: readonly ServerNode[]): void {
    const token = machine.identity?.token ?? "none";
    const hello = { type: "hello", protocol: 1, token, syncToken: null };
    const push = (writes: readonly object[], id = "p") => JSON.stringify({ type: "push", id, writes });
    const visits: (() => void)[] = [
      () => this.#say(node, ["{not json"]),
      () => this.#say(node, [JSON.stringify({ type: "ping" })]),
      () => this.#say(node, [JSON.stringify({ ...hello, token: "wrong" })]),
      () => this.#say(node, [JSON.stringify({ ...hello, protocol: 2 })]),
      () => this.#say(node, [JSON.stringify({ ...hello, collections: ["nothing"] })]),
      () => this.#say(node, [JSON.stringify({ ...hello, syncToken: "none of yours" })]),
      () => this.#say(node, [], (listener) => listener.refuse("BINARY", "every message is text")),
      () => this.#say(node, [], (listener) => listener.refuse("TOO_LARGE", "too large")),
      () => this.#say(node, []),
      () => this.#say(node, [JSON.stringify(hello), JSON.stringify(hello), JSON.stringify({ type: "nothing" })]),
      () => this.#say(node, [JSON.stringify(hello), push([note()], "p-1"), push([note()], "p-2")], undefined, 0),
      () => this.#say(node, [JSON.stringify(hello), push(BAD_WRITES).replace(HUGE, HUGE_NUMBER)]),
      () => this.#say(node, [JSON.stringify(hello), push([FINAL], "p-1"), push([NOT_FINAL], "p-2")], undefined, 2_000),
      () => this.#say(node, [JSON.stringify(hello), push([LAST], "p-1"), push([BEYOND_LAST], "p-2")], undefined, 2_000),
      () => {
        for (let i = 0; i < 24; i++) this.#say(node, []);
      },
      () =>
        this.#say(
          node,
          [
            JSON.stringify(hello),
            ...Array.from({ length: 120 }, () => JSON.stringify({ type: "pull", syncToken: null })),
          ],
          undefined,
          0,
        ),
      () => void this.#ask(node, "GET", "/api/nothing", token),
      () => void this.#ask(node, "GET", "/api/sync/pull", "wrong"),
      () => void this.#ask(node, "POST", "/api/sync/push", token, "{not json"),
      () => void this.#ask(node, "POST", "/api/sync/push", token, "x".repeat(1_100_000)),
      () =>
        void this.#ask(node, "POST", "/api/sync/push", token, JSON.stringify({ id: "p", syncToken: null, writes: [] })),
      () => void this.#ask(node, "GET", "/api/sync/pull?collections=nothing", token),
      () => void this.#ask(node, "GET", "/api/sync/updates?deviceId=another", token),
      () => void this.#pushEverywhere(nodes, token),
      () => void this.#pushEverywhere(nodes, token),
      () =>
        void node.node?.enrolments
          .enrol({ code: "WRONGONE" }, "stranger")
          .catch((error: { code?: string }) => this.#heard(error.code)),
    ];
    for (let i = 0; i < VISITS; i++) this.random.pick(visits)();
  }

  #heard(code: string | undefined): void {
    if (code !== undefined) this.coverage.add(`error ${code}`);
  }

  /** @param paceMs between two messages */
  #say(node: ServerNode, texts: readonly string[], then?: (listener: LinkListener) => void, paceMs = 60): void {
    if (!node.node) return;
    let isOpen = true;
    const listener = node.node.sessions.open({
      ...{ transport: "websocket", remoteAddress: "stranger", bufferedBytes: 0 },
      send: (text) => {
        if (text.startsWith('{"type":"error"')) this.#heard((JSON.parse(text) as { code: string }).code);
        if (text.startsWith('{"type":"pushed"'))
          for (const { code } of (JSON.parse(text) as { results: { code?: string }[] }).results)
            if (code !== undefined) this.coverage.add(`rejection ${code}`);
      },
      close: () => {
        isOpen = false;
      },
    });
    const told = node.node;
    texts.forEach((text, i) =>
      // After the hello there is a welcome to be waited for, as everybody does.
      this.schedule.after(
        (i === 0 ? 0 : 1_000) + i * paceMs,
        () => isOpen && node.node === told && listener?.message(text),
      ),
    );
    if (then && listener) this.schedule.after(10, () => isOpen && node.node === told && then(listener));
    this.schedule.after(12_000, () => isOpen && node.node === told && listener?.closed());
  }

  /** One write that a conflict becomes of, through all nodes at the same moment. */
  async #pushEverywhere(nodes: readonly ServerNode[], token: string): Promise<void> {
    const pulled = await this.#ask(nodes[0]!, "GET", "/api/sync/pull", token);
    if (pulled?.status !== 200) return;
    const { syncToken } = JSON.parse(pulled.text) as { syncToken: string };
    const id = `stranger-${this.random.int(0, 1_000_000)}`;
    const push = (text: string): string => {
      const data = { id, text };
      const writes = [{ ...note(), localId: id, hash: hashOf(data), data }];
      return JSON.stringify({ id, syncToken, writes });
    };
    await this.#ask(nodes[0]!, "POST", "/api/sync/push", token, push("first"));
    await Promise.all(nodes.map((node) => this.#ask(node, "POST", "/api/sync/push", token, push("second"))));
  }

  async #ask(node: ServerNode, method: string, path: string, token: string, body?: string) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await node.doors?.handle({ method, path, headers, body });
    if (answer && answer.status >= 400) this.#heard((JSON.parse(answer.text) as { code: string }).code);
    return answer;
  }
}
