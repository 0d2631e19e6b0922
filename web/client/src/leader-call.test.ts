/** `syncNow` while the lead changes hands: whoever leads next does what was asked of the one before. */
import { afterEach, expect, it } from "vitest";
import type { Replica } from "./api.ts";
import type { Environment } from "./environment.ts";
import { latest, notes, world, type World } from "../test/fixtures.ts";
import { VirtualChannels } from "../test/virtual-host.ts";

const opened: Replica[] = [];
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

async function tab(w: World, env: Environment): Promise<Replica> {
  const replica = await w.open("a", {}, env);
  opened.push(replica);
  return replica;
}
/** How long it takes, in ms of virtual time. */
async function timeOf(w: World, call: Promise<unknown>): Promise<number> {
  const startedAt = w.time.now;
  let done = false;
  const seen = call.finally(() => (done = true));
  await w.time.until(() => done);
  await seen;
  return w.time.now - startedAt;
}
async function leads(w: World, replica: Replica): Promise<void> {
  const link = latest(replica.link$);
  await w.time.until(() => link.value?.leader === true && link.value.state === "live");
}

it.each([
  ["with channels", () => ({ openChannel: new VirtualChannels().open })],
  ["with nothing but the database", () => ({})],
])("in a tab that is just opened it is done as soon as that tab leads, %s", async (_, parts) => {
  const w = world();
  const replica = await tab(w, w.host("a", parts()));
  expect(await timeOf(w, replica.syncNow())).toBeLessThan(1_000);
});

it("it is done by the tab that asked, once that leads itself", async () => {
  const w = world();
  const env = w.host("a", { openChannel: new VirtualChannels().open });
  const first = await tab(w, env);
  await leads(w, first);
  const second = await tab(w, env);
  w.server.silent = true;
  await second.collection(notes).put({ id: "n1", text: "tea" });
  const asked = second.syncNow();
  await w.time.advance(100);
  await first.close();
  w.server.silent = false;
  expect(await timeOf(w, asked)).toBeLessThan(5_000);
  expect(await asked).toMatchObject({ pending: 0 });
});

it("it is done by a third tab that leads next", async () => {
  const w = world();
  const env = w.host("a", { openChannel: new VirtualChannels().open });
  const first = await tab(w, env);
  await leads(w, first);
  const [second, third] = [await tab(w, env), await tab(w, env)];
  await w.time.advance(100);
  w.server.silent = true;
  const calls = [second.syncNow(), third.syncNow()];
  await w.time.advance(100);
  await first.close();
  w.server.silent = false;
  expect(await timeOf(w, Promise.all(calls))).toBeLessThan(5_000);
});
