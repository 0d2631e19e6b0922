import { expect, test } from "vitest";
import { bytesText, storageUse } from "./storage-use.ts";

test("above 80 per cent it is time to do something; where the browser does not tell nothing is claimed", () => {
  expect(storageUse({ usage: 80, quota: 100 })).toEqual({ percent: 80, nearlyFull: false });
  expect(storageUse({ usage: 81, quota: 100 })).toEqual({ percent: 81, nearlyFull: true });
  expect(storageUse({ usage: 300, quota: 100 })).toEqual({ percent: 100, nearlyFull: true });
  expect(storageUse({ quota: 100 })).toBeNull();
  expect(storageUse({ usage: 1, quota: 0 })).toBeNull();
});

test("sizes in the language of the shop", () => {
  expect(bytesText(12_345_678, ["en"])).toBe("12 MB");
  expect(bytesText(1_500_000_000, ["de"])).toMatch(/^1,5\sGB$/);
});
