import { expect, test } from "vitest";
import { createManualRuntime } from "../test/support/manual-runtime.ts";
import { StorePresence } from "./presence.ts";
import type { DeviceRow } from "./store/device-store.ts";

const row = (deviceId: string, more: Partial<DeviceRow> = {}): DeviceRow => ({
  ...{ storeId: "shop", deviceId, role: "register", name: deviceId, registerCode: "A1", cursor: 1 },
  ...{ status: { online: true }, app: null, lastSeenAt: 1_000_000, revokedAt: null, copiedAt: null, createdAt: 0 },
  ...more,
});

test("a device that was revoked is told of once more: that it is away", async () => {
  const runtime = createManualRuntime();
  let rows = [row("a"), row("b")];
  const presence = new StorePresence({
    listDevices: async () => rows,
    live: () => new Map(),
    runtime,
    onError: (error) => expect.fail(String(error)),
  });
  const told: any[] = [];
  presence.watch({ send: (text) => told.push(...JSON.parse(text).devices) });
  await runtime.pass(0);
  expect(told.splice(0)).toMatchObject([
    { deviceId: "a", online: true },
    { deviceId: "b", online: true },
  ]);
  rows = [row("a"), row("b", { revokedAt: 1_000_000 })];
  for (let i = 0; i < 2; i++) {
    presence.changed();
    await runtime.pass(1_000);
  }
  expect(told.splice(0)).toMatchObject([{ deviceId: "b", online: false }]);
  rows = [row("a"), row("b")];
  presence.changed();
  await runtime.pass(1_000);
  expect(told).toMatchObject([{ deviceId: "b", online: true }]);
  presence.close();
});
