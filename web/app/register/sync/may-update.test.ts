import { expect, test } from "vitest";
import { mayUpdate, QUIET_MS } from "./may-update.ts";

test("a new version is loaded only when nobody is there, nothing is unsent, nothing is begun and the server is there", () => {
  const idle = { unsent: 0, busy: false, linked: true, quietMs: QUIET_MS };
  expect(mayUpdate(idle)).toBe(true);
  for (const change of [{ unsent: 1 }, { busy: true }, { linked: false }, { quietMs: QUIET_MS - 1 }])
    expect(mayUpdate({ ...idle, ...change })).toBe(false);
});
