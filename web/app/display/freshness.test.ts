import { describe, expect, test } from "vitest";
import type { LinkName, LinkStatus } from "@tillwire/client/api";
import { clockOf, contactAfter, freshnessOf, LOST_AFTER_MS, noContact, SILENT_AFTER_MS } from "./freshness.ts";

const START = 1_000_000;
const link = (state: LinkName, more: Partial<LinkStatus> = {}): LinkStatus => ({
  state,
  transport: null,
  since: 0,
  lastContactAt: START,
  progress: null,
  paused: null,
  leader: true,
  ...more,
});
const live = contactAfter(noContact(null), link("live"), START);

describe("freshness", () => {
  test("live as long as the server is heard, stale when it falls silent", () => {
    expect(freshnessOf(live, link("live"), START + SILENT_AFTER_MS - 1).kind).toBe("live");
    expect(freshnessOf(live, link("live"), START + SILENT_AFTER_MS)).toEqual({ kind: "stale", upToDateAt: START });
    const heard = contactAfter(live, link("live", { lastContactAt: START + 15_000 }), START + 15_000);
    expect(freshnessOf(heard, link("live"), START + SILENT_AFTER_MS).kind).toBe("live");
  });

  test("a link that is lost for a moment dims nothing; a lost one does, as of the last word", () => {
    const lost = contactAfter(live, link("offline"), START + 10_000);
    expect(freshnessOf(lost, link("offline"), START + 10_000 + LOST_AFTER_MS - 1).kind).toBe("live");
    expect(freshnessOf(lost, link("offline"), START + 10_000 + LOST_AFTER_MS)).toEqual({
      kind: "stale",
      upToDateAt: START,
    });
    // the moment is counted once, however the link goes up and down
    const still = contactAfter(lost, link("connecting"), START + 11_400);
    expect(freshnessOf(still, link("connecting"), START + 11_600).kind).toBe("stale");
  });

  test("until the head is reached nothing is taken for the present, whatever was known before the start", () => {
    const started = contactAfter(noContact(START), link("catching up"), START + 10);
    const progress = { cursor: 50, head: 200 };
    expect(freshnessOf(started, link("catching up", { progress }), START + 10)).toEqual({
      kind: "catching up",
      percent: 25,
      upToDateAt: START,
    });
    expect(freshnessOf(started, link("connecting"), START + 10).kind).toBe("stale");
    expect(freshnessOf(noContact(null), link("offline"), START)).toEqual({ kind: "stale", upToDateAt: null });
  });

  test("a page of the feed that is behind for a moment flashes nothing", () => {
    const behind = contactAfter(live, link("catching up"), START + 1);
    expect(freshnessOf(behind, link("catching up"), START + 200).kind).toBe("live");
    expect(freshnessOf(behind, link("catching up"), START + 2_000).kind).toBe("catching up");
  });

  test("polling counts only at the head", () => {
    const at = START + 60_000;
    const heard = { lastContactAt: at };
    expect(contactAfter(live, link("polling", heard), at).upToDateAt).toBe(at);
    expect(contactAfter(live, link("polling", { ...heard, progress: { cursor: 1, head: 2 } }), at).upToDateAt).toBe(
      START,
    );
  });

  test("a paused link says why; a clock that was set back is no reason for trust", () => {
    expect(freshnessOf(live, link("offline", { paused: "reauthenticate" }), START)).toMatchObject({ kind: "paused" });
    expect(freshnessOf(live, link("live"), START - 3_600_000).kind).toBe("stale");
  });
});

test.each([
  [42_000, "00:42"],
  [-5, "00:00"],
  [754_000, "12:34"],
  [3_723_000, "1:02:03"],
])("%i ms are %s", (ms, text) => expect(clockOf(ms)).toBe(text));
