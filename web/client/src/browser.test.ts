/** What the environment asks of a browser. */
import { afterEach, expect, it, vi } from "vitest";
import { browserEnvironment } from "./browser.ts";

afterEach(() => vi.unstubAllGlobals());

it("a person is asked at most once for storage that is kept, however often it is looked up", async () => {
  const persist = vi.fn(async () => false);
  const estimate = async () => ({ usage: 1, quota: 2 });
  vi.stubGlobal("navigator", { storage: { persisted: async () => false, persist, estimate } });
  const { storage } = browserEnvironment();
  expect(await storage()).toEqual({ persisted: false, usage: 1, quota: 2 });
  expect(await storage()).toEqual({ persisted: false, usage: 1, quota: 2 });
  expect(persist).toHaveBeenCalledTimes(1);
});

it("without storage to speak of (plain http on a LAN) there is nothing to tell", async () => {
  vi.stubGlobal("navigator", {});
  expect(await browserEnvironment().storage()).toBeNull();
});
