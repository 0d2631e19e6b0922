/** Marks: what a device presents, and when its people are warned of a copy. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import { MemoryDatabase, openMemoryStore } from "./memory-store.ts";
import { identityOf, latest, world, type World } from "../test/fixtures.ts";
import { VirtualChannels } from "../test/virtual-host.ts";

let w: World;
const opened: Replica[] = [];
beforeEach(() => {
  w = world();
});
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

async function open(...args: Parameters<World["open"]>): Promise<Replica> {
  const replica = await w.open(...args);
  opened.push(replica);
  return live(replica);
}
async function live(replica: Replica): Promise<Replica> {
  const link = latest(replica.link$);
  await w.time.until(() => link.value?.state === "live");
  return replica;
}
const presented = () =>
  w.server.received.flatMap(({ message }) => (message.type === "hello" ? [message.mark ?? null] : []));

describe("a mark", () => {
  it("is presented as the last welcome gave it, after restarts and resets too", async () => {
    const a = await open("a");
    await a.close();
    const again = await open("a");
    w.server.restore(0);
    w.server.cutAll();
    await w.time.advance(1_000);
    await live(again);
    w.server.cutAll();
    await w.time.advance(1_000);
    await live(again);
    expect(presented()).toEqual([null, "mark-1", "mark-2", "mark-3"]);
    expect(latest(again.copied$).value ?? false).toBe(false);
  });

  it("a welcome that was lost is no copy", async () => {
    const a = await open("a");
    for (let i = 0; i < 3; i++) {
      w.server.cutAll();
      // the link breaks as the welcome is on its way
      await w.time.until(() => w.server.sessions.size > 0);
      await w.time.until(() => presented().length === 2 * i + 2);
      w.server.cutAll();
      await w.time.advance(5_000);
      await live(a);
    }
    expect(w.server.marks.get("a")?.copied).toBe(false);
  });

  it("of another device is not presented: an identity that was given anew is no copy", async () => {
    const env = w.host("a");
    const a = await open("a", {}, env);
    await a.close();
    await open("a", { identity: identityOf("z") }, env);
    expect(presented()).toEqual([null, null]);
  });

  it("of a copied database tells the people of both, in every tab, until the server says otherwise", async () => {
    const database = new MemoryDatabase();
    const channels = new VirtualChannels();
    const env = w.host("a", { openStore: async () => openMemoryStore(database), openChannel: channels.open });
    const a = await open("a", {}, env);
    await a.close();
    const copy = structuredClone({ meta: database.meta, generations: database.generations });
    const theCopy = new MemoryDatabase();
    for (const [key, value] of copy.meta) theCopy.meta.set(key, value);
    const again = await open("a", { presence: true }, env);
    w.server.cutAll();
    await w.time.advance(1_000);
    await live(again);
    const other = await open("a", {}, w.host("a", { openStore: async () => openMemoryStore(theCopy) }));
    const warned = latest(other.copied$);
    await w.time.until(() => warned.value === true);
    const tab = await w.open("a", {}, env);
    opened.push(tab);
    const [here, inTab] = [latest(again.copied$), latest(tab.copied$)];
    expect(here.value ?? false).toBe(false);
    const device = { name: "a", role: "register", online: true, cursor: 0, pending: 0 } as const;
    const times = { lastSeenAt: null, clockOffsetMs: null };
    const tell = (copied: boolean) => {
      const devices = [{ deviceId: "a", ...device, ...times, ...(copied ? { copied } : {}) }];
      for (const session of w.server.sessions) w.server.say(session, { type: "presence", devices });
    };
    tell(true);
    await w.time.until(() => here.value === true && inTab.value === true);
    tell(false);
    await w.time.until(() => here.value === false && inTab.value === false);
  });
});
