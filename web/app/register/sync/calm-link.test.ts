import { Subject } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LinkName, LinkStatus } from "@tillwire/client/api";
import { calmLink, OFFLINE_AFTER_MS } from "./calm-link.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function follow() {
  const source = new Subject<LinkStatus>();
  const shown: LinkName[] = [];
  source.pipe(calmLink(() => Date.now())).subscribe(({ state }) => shown.push(state));
  const emit = (state: LinkName, paused: LinkStatus["paused"] = null) =>
    source.next({ state, transport: null, since: 0, lastContactAt: null, progress: null, paused, leader: true });
  return { emit, shown };
}

test("a start that finds the server never shows offline", () => {
  const { emit, shown } = follow();
  for (const state of ["offline", "connecting", "catching up", "live"] as const) emit(state);
  vi.advanceTimersByTime(10_000);
  expect(shown).toEqual(["connecting", "connecting", "catching up", "live"]);
});

test("offline shows once it lasts, and then without flickering at every retry", () => {
  const { emit, shown } = follow();
  emit("live");
  emit("offline");
  vi.advanceTimersByTime(OFFLINE_AFTER_MS / 2);
  emit("offline");
  vi.advanceTimersByTime(OFFLINE_AFTER_MS / 2);
  emit("offline");
  expect(shown).toEqual(["live", "connecting", "connecting", "offline", "offline"]);
});

test("a paused link is told at once", () => {
  const { emit, shown } = follow();
  emit("offline", "reauthenticate");
  expect(shown).toEqual(["offline"]);
});
