import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  LINK_TRANSITIONS,
  linkName,
  step,
  stoppedLink,
  type LinkEvent,
  type LinkState,
  type Phase,
} from "./link-state.ts";

const EVENTS: LinkEvent[] = [
  ...(["start", "stop", "welcomed", "reached head", "fell behind", "retry due", "grace over"] as const).map((type) => ({
    type,
  })),
  ...(["polled", "poll failed", "nudged", "resumed"] as const).map((type) => ({ type })),
  { type: "failed", retryAfterMs: 0 },
  { type: "refused", pause: "reauthenticate" },
];
const PHASES: Phase[] = ["stopped", "connecting", "catching up", "live", "waiting", "paused"];
const inPhase = (phase: Phase): LinkState => ({ ...stoppedLink(true), phase });

/** Phase after each event, for each phase; rows as drawn in link-state.ts. "-": stays. */
const TABLE: Record<Phase, Partial<Record<LinkEvent["type"], Phase>>> = {
  stopped: { start: "connecting" },
  connecting: { stop: "stopped", welcomed: "catching up", failed: "waiting", refused: "paused" },
  "catching up": { stop: "stopped", "reached head": "live", failed: "waiting", refused: "paused" },
  live: { stop: "stopped", "fell behind": "catching up", failed: "waiting", refused: "paused" },
  waiting: { stop: "stopped", "retry due": "connecting", nudged: "connecting", refused: "paused" },
  paused: { stop: "stopped", resumed: "connecting", refused: "paused" },
};

describe("the table is total", () => {
  for (const phase of PHASES) {
    it.each(EVENTS.map((event) => [event.type, event] as const))(`${phase} answers %s`, (type, event) => {
      expect(LINK_TRANSITIONS[phase][type]).toBeTypeOf("function");
      expect(step(inPhase(phase), event).state.phase).toBe(TABLE[phase][type] ?? phase);
    });
  }
});

function run(events: LinkEvent[], state = stoppedLink(true)) {
  const effects: string[] = [];
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects.map(({ type }) => type));
  }
  return { state, effects };
}

it("polling begins after two failures in a row, and ends with a welcome", () => {
  const fail: LinkEvent = { type: "failed", retryAfterMs: 0 };
  const down = run([{ type: "start" }, fail, { type: "retry due" }, fail]);
  expect(down.state).toMatchObject({ phase: "waiting", failures: 2, polling: "trying" });
  expect(down.effects.filter((type) => type === "start polling")).toHaveLength(1);
  const up = run([{ type: "polled" }, { type: "retry due" }, { type: "welcomed" }], down.state);
  expect(up.state).toMatchObject({ phase: "catching up", failures: 0, polling: "off" });
  expect(up.effects).toContain("stop polling");
});

it("polling begins when the grace is over, whatever the live link does", () => {
  expect(run([{ type: "start" }, { type: "grace over" }]).state).toMatchObject({
    phase: "connecting",
    polling: "trying",
  });
});

it("polling that works is shown as polling, else the link is offline", () => {
  const trying = run([{ type: "start" }, { type: "grace over" }, { type: "failed", retryAfterMs: 0 }]).state;
  expect(linkName(trying)).toBe("offline");
  expect(linkName(step(trying, { type: "polled" }).state)).toBe("polling");
  expect(linkName(step(step(trying, { type: "polled" }).state, { type: "poll failed" }).state)).toBe("offline");
});

it("whatever happens, a link that is not stopped or paused tries to come back", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), fc.boolean(), (events, wantsLive) => {
      let state = stoppedLink(wantsLive);
      // which timers and loops the effects have left running
      let retry = false;
      let polling = false;
      let connecting = false;
      for (const event of events) {
        if (event.type === "retry due") {
          if (!retry) continue;
          retry = false;
        }
        const next = step(state, event);
        state = next.state;
        for (const effect of next.effects) {
          if (effect.type === "schedule retry") retry = true;
          if (effect.type === "cancel timers") retry = false;
          if (effect.type === "start polling") polling = true;
          if (effect.type === "stop polling") polling = false;
          if (effect.type === "connect") connecting = true;
          if (effect.type === "disconnect") connecting = false;
        }
        expect(polling).toBe(state.polling !== "off");
        if (state.phase === "waiting") expect(retry || (!wantsLive && polling)).toBe(true);
        if (state.phase === "connecting") expect(connecting).toBe(true);
        if (state.phase === "stopped" || state.phase === "paused") expect([retry, polling]).toEqual([false, false]);
      }
    }),
    { numRuns: 500 },
  );
});
