import { expect, it } from "vitest";
import { LINK_BACKOFF, retryDelayMs } from "./backoff.ts";

it("full jitter: anywhere between at once and an exponential ceiling, which has a cap", () => {
  const ceilings = [1, 2, 3, 7, 50, 5_000].map((failures) => retryDelayMs(failures, 0.999_999, LINK_BACKOFF));
  expect(ceilings).toEqual([499, 999, 1999, 29_999, 29_999, 29_999]);
  expect(retryDelayMs(9, 0, LINK_BACKOFF)).toBe(0);
});

it("never earlier than the server asked for", () => {
  expect(retryDelayMs(1, 0, LINK_BACKOFF, 4_000)).toBe(4_000);
});
