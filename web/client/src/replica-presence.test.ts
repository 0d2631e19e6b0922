/** Who is there, and what a device tells of itself. */
import { describe, expect, it } from "vitest";
import { latest, notes, type World } from "../test/fixtures.ts";
import { openWorldForEachTest } from "../test/each-world.ts";

let w: World;
let open: World["open"];
openWorldForEachTest((here) => ({ w, open } = here));

describe("presence and status", () => {
  it("the list comes whole, then as changes", async () => {
    const a = await open("a", { presence: true });
    const presence = latest(a.presence$);
    const link = latest(a.link$);
    await w.time.until(() => link.value?.state === "live");
    const [session] = w.server.sessions;
    const device = {
      name: "",
      role: "register" as const,
      cursor: 0,
      pending: 0,
      lastSeenAt: null,
      clockOffsetMs: null,
    };
    const devices = [
      { ...device, deviceId: "a", online: true },
      { ...device, deviceId: "b", online: true },
    ];
    w.server.say(session!, { type: "presence", devices });
    w.server.say(session!, { type: "presence", devices: [{ ...device, deviceId: "b", online: false }] });
    await w.time.advance(100);
    expect(presence.value?.map(({ deviceId, online }) => [deviceId, online])).toEqual([
      ["a", true],
      ["b", false],
    ]);
  });

  it("status tells of what waits, at once and then only when it changes", async () => {
    w.server.reject = () => ({ code: "GUARD", message: "" });
    const a = await open("a");
    await a.collection(notes).put({ id: "n1", text: "tea" });
    const stats = latest(a.stats$);
    await w.time.until(() => stats.value?.failed === 1);
    await w.time.advance(2_000);
    expect(w.server.received.findLast(({ message }) => message.type === "status")?.message).toMatchObject({
      failed: 1,
      pending: 0,
    });
  });
});
