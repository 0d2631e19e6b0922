/**
 * Pushes of one record at once, over different transports and from two nodes on one database: each write has one outcome, whoever is
 * asked, and a conflict is settled by one person.
 */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { adjustDigest, formatDigest } from "@tillwire/protocol/digest";
import type { Change, ConflictPolicy, EnrolResponse, Result, Write } from "@tillwire/protocol/messages";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SyncServer } from "../src/server.ts";
import { POLICIES } from "./conflict-table.ts";
import { settling } from "./support/conflict-fixture.ts";
import { goLive, until, type LiveClient } from "./support/live-client.ts";
import { request, startTestServer, type TestServer } from "./support/server.ts";
import { at, checkStore, NEW, order, put, remove } from "./support/shop-fixture.ts";

/** One device's ways to both nodes. */
interface Register {
  readonly deviceId: string;
  readonly ways: readonly ((writes: readonly Write[]) => Promise<Result[]>)[];
}

let shop: TestServer;
let other: SyncServer;
let watcher: LiveClient;
const live: LiveClient[] = [];
const registers: Register[] = [];
let pushes = 0;

beforeAll(async () => {
  shop = await startTestServer();
  other = await shop.startNode();
  for (let each = 0; each < 3; each++) registers.push(await openRegister(await shop.enrol()));
  watcher = await goLive(other.url, "websocket", (await shop.enrol()).token);
});
afterAll(async () => {
  for (const client of [...live, watcher]) client.close();
  await shop.stop();
});

async function openRegister({ token, deviceId }: EnrolResponse): Promise<Register> {
  const links = [
    await goLive(shop.url, "websocket", token),
    await goLive(other.url, "socket.io", token),
    await goLive(other.url, "socket.io polling", token),
  ];
  live.push(...links);
  const overLink = (client: LiveClient) => async (writes: readonly Write[]) => {
    const id = `p-${(pushes += 1)}`;
    client.send({ type: "push", id, writes });
    return (await client.next("pushed", (message) => message.id === id)).results as Result[];
  };
  const overHttp = (url: string) => async (writes: readonly Write[]) => {
    const { body } = await request(url, token, "GET", "/api/sync/pull?limit=1");
    const push = { id: `p-${(pushes += 1)}`, syncToken: body.syncToken, writes };
    return (await request(url, token, "POST", "/api/sync/push", push)).body.results as Result[];
  };
  return { deviceId, ways: [...links.map(overLink), overHttp(shop.url), overHttp(other.url)] };
}

/** All registers send their writes at once, each over every way it has. By register: the answers. */
function everyWay(writes: readonly Write[]): Promise<Result[][]> {
  return Promise.all(
    registers.map(({ ways }, i) => Promise.all(ways.map(async (way) => (await way([writes[i]!]))[0]!))),
  );
}

/** What all the answers to one write must have in common; returns the one that took effect. */
function oneOutcome(answers: readonly Result[]): Result {
  const conflicts = answers.filter(({ outcome }) => outcome === "conflict");
  if (conflicts.length > 0) {
    expect(conflicts, "a write that lost has lost for whoever asks").toHaveLength(answers.length);
    expect(new Set(conflicts.map(({ conflict }) => conflict!.id)).size, "and is kept in one conflict").toBe(1);
    return conflicts[0]!;
  }
  const fresh = answers.filter(({ outcome }) => outcome === "accepted" || outcome === "merged");
  expect(fresh.length, "S2: taken once at most").toBeLessThanOrEqual(1);
  expect(answers.filter(({ outcome }) => outcome === "duplicate")).toHaveLength(answers.length - fresh.length);
  return fresh[0] ?? answers[0]!;
}

async function conflictsOf(recordId: string): Promise<ConflictData[]> {
  const rows = await shop.database.sql<{ data: ConflictData }[]>`
    select data from records where store_id = ${shop.storeId} and collection = 'conflicts' and data ->> 'recordId' = ${recordId}`;
  return rows.map(({ data }) => data);
}

async function checkEverything(recordId: string): Promise<void> {
  await checkStore(shop.database.sql, shop.storeId);
  const open = (await conflictsOf(recordId)).filter(({ status }) => status === "open");
  expect(new Set(open.map(({ client }) => client.deviceId)).size, "one open conflict a device").toBe(open.length);
}

test.each(POLICIES)("under %s: one outcome a write, over whichever way and node it is told", async (policy) => {
  await shop.admin("PUT", "/api/admin/policies", { policies: { orders: policy } });
  for (let round = 0; round < 4; round++) {
    const id = `${policy}-${round}`;
    const notes = (i: number): string => `${registers[i]!.deviceId} ${round}`;
    const made = put("orders", id, order(id));
    // The same new record from all; the first way in makes it.
    const created = await everyWay([made, made, made]);
    expect(created.flat().filter(({ outcome }) => outcome === "accepted")).toHaveLength(1);
    const base = at(created[0]![0]!);
    // Three edits of it at once; every other round one is a deletion.
    const edits = registers.map((_, i) => put("orders", id, order(id, { notes: notes(i) }), 2, base));
    if (round % 2) edits[2] = remove("orders", id, 2, base);
    const answers = (await everyWay(edits)).map(oneOutcome);
    expect(
      answers.filter(({ outcome }) => outcome === "accepted"),
      "S6: one was made on what it replaced",
    ).toHaveLength(1);
    await expectStory(policy, id, answers);
    await checkEverything(id);
  }
});

async function expectStory(policy: ConflictPolicy, id: string, answers: readonly Result[]): Promise<void> {
  const conflicts = await conflictsOf(id);
  const lost = answers.filter(({ outcome }) => outcome !== "accepted");
  expect(conflicts, "S8: each write that was not simply taken is in a conflict, once").toHaveLength(lost.length);
  const waiting = conflicts.filter(({ status }) => status === "open").length;
  expect(waiting).toBe(policy === "MANUAL" ? lost.length : 0);
}

test("two records of one id at once: one is there, the others wait", async () => {
  const answers = await everyWay(
    registers.map(({ deviceId }) => put("orders", "one-id", order("one-id", { notes: deviceId }))),
  );
  const outcomes = answers.map(oneOutcome).map(({ outcome }) => outcome);
  expect(outcomes.sort()).toEqual(["accepted", "conflict", "conflict"]);
  expect((await conflictsOf("one-id")).map(({ kind, status }) => `${kind} ${status}`)).toEqual([
    "ID_TAKEN open",
    "ID_TAKEN open",
  ]);
  await checkEverything("one-id");
});

test("three people settle one conflict at once, over every way: exactly one does", async () => {
  await shop.admin("PUT", "/api/admin/policies", { policies: { orders: "MANUAL" } });
  for (let round = 0; round < 5; round++) {
    const id = `settled-${round}`;
    const [created] = await registers[0]!.ways[0]!([put("orders", id, order(id))]);
    const [current] = await registers[0]!.ways[0]!([put("orders", id, order(id, { notes: "A" }), 2, at(created!))]);
    const [lost] = await registers[1]!.ways[1]!([put("orders", id, order(id, { notes: "B" }), 2, at(created!))]);
    const conflictId = lost!.conflict!.id;
    const apart = `${id}-apart`;
    const answers = await everyWay([
      settling(conflictId, put("orders", id, order(id, { notes: "B" }), 3, at(current!))),
      settling(conflictId, put("orders", id, order(id, { notes: "A and B" }), 3, at(current!))),
      settling(conflictId, put("orders", apart, order(apart, { notes: "B" }), 1, NEW)),
    ]);
    const told = answers.map(oneOutcome);
    const winners = told.filter(({ outcome }) => outcome !== "conflict");
    expect(winners).toHaveLength(1);
    const [conflict] = await conflictsOf(id);
    const won = told.indexOf(winners[0]!);
    expect(conflict).toMatchObject({ status: "settled", settledBy: registers[won]!.deviceId });
    expect(conflict!.settlement).toBe(["CLIENT", "MERGED", "BOTH"][won]);
    expect(conflict!.attempts, "the others' answers are kept").toHaveLength(2);
    expect(told.filter(({ outcome }) => outcome === "conflict").every((each) => each.conflict!.id === conflictId)).toBe(
      true,
    );
    await checkEverything(id);
  }
});

test("S4, S12: who watched it all on the other node saw one unbroken feed, and its digests are the server's", async () => {
  const { head } = (await shop.admin("GET", "/api/admin/devices")).body;
  await until(() => watcher.received.some((message) => message.type === "changes" && message.to >= head));
  const frames = watcher.received.filter(({ type }) => type === "changes");
  let cursor = 0;
  const records = new Map<string, Change>();
  const sums = new Map<string, bigint>();
  for (const frame of frames) {
    expect(frame.from).toBe(cursor);
    cursor = frame.to;
    for (const change of frame.changes as Change[]) {
      const key = `${change.collection}|${change.localId}`;
      const sum = sums.get(change.collection) ?? 0n;
      sums.set(change.collection, adjustDigest(sum, records.get(key) ?? null, change));
      records.set(key, change);
    }
  }
  const { digests } = frames.at(-1) as { digests: Record<string, { digest: string }> };
  for (const collection of ["orders", "conflicts"])
    expect(formatDigest(sums.get(collection)!)).toBe(digests[collection]!.digest);
});
