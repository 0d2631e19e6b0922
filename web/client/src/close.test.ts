/** What a replica leaves behind when it is closed: nothing. */
import { expect, it } from "vitest";
import { latest, notes, world, type World } from "../test/fixtures.ts";

/** An environment that knows how many of its timers are still to come. */
function counted(w: World): { host: ReturnType<World["host"]>; waiting: Set<() => void> } {
  const waiting = new Set<() => void>();
  const host = w.host("a", {
    setTimer(run, delayMs) {
      const timer = (): void => {
        waiting.delete(timer);
        run();
      };
      waiting.add(timer);
      const cancel = w.time.setTimer(timer, delayMs);
      return () => {
        waiting.delete(timer);
        cancel();
      };
    },
  });
  return { host, waiting };
}

const moments: [string, (w: World) => void, string][] = [
  ["live", () => {}, "live"],
  ["polling", (w) => (w.server.liveUp = false), "polling"],
  ["offline", (w) => (w.server.liveUp = w.server.httpUp = false), "offline"],
  ["live, with a push that is not answered", (w) => (w.server.dropResults = true), "live"],
];

it.each(moments)("%s: no timer outlives close()", async (_name, arrange, state) => {
  const w = world();
  arrange(w);
  const { host, waiting } = counted(w);
  const replica = await w.open("a", {}, host);
  const link = latest(replica.link$);
  await w.time.until(() => link.value?.state === state);
  for (let ms = 0; ms < 40; ms += 3) {
    await replica.collection(notes).put({ id: `n${ms}`, text: "tea" });
    await w.time.advance(3);
  }
  const round = replica.syncNow().catch(() => undefined);
  await replica.close();
  await round;
  await w.time.settle();
  expect(waiting.size).toBe(0);
});

it("closed as soon as it was opened, it leaves nothing either", async () => {
  const w = world();
  const { host, waiting } = counted(w);
  const replica = await w.open("a", {}, host);
  await replica.close();
  await w.time.advance(60_000);
  expect(waiting.size).toBe(0);
  expect(w.server.sessions.size).toBe(0);
});
