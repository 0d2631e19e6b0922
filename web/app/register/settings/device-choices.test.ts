import { expect, test } from "vitest";
import { DEFAULTS, readDeviceSettings } from "./device-choices.ts";

test("choices are read back; what makes no sense is as if it was never chosen", () => {
  const chosen = { idleLockMinutes: 15, mirrorCart: true, askForShift: true };
  expect(readDeviceSettings(JSON.stringify(chosen))).toEqual(chosen);
  for (const text of [null, "", "null", "[", "7", '{"idleLockMinutes":-3,"mirrorCart":"yes"}'])
    expect(readDeviceSettings(text)).toEqual(DEFAULTS);
});
