/** What a node asks the database by itself, in case that nobody tells it. */
import { pino } from "pino";
import { expect, test } from "vitest";
import { createManualRuntime } from "../test/support/manual-runtime.ts";
import { startNotices, type NoticesOptions } from "./notices.ts";
import type { DeviceKey } from "./store/device-store.ts";

const LONG_AGO = { storeId: "shop", deviceId: "revoked while the database was away" };
const LATELY = { storeId: "shop", deviceId: "revoked lately" };

async function startAlone() {
  const runtime = createManualRuntime();
  const asked: string[] = [];
  const cut: string[] = [];
  const options = {
    board: { listen: async () => ({ unlisten: async () => undefined }), notify: async () => undefined },
    nodeId: "here",
    store: { readHeads: async () => [] },
    devices: {
      async revokedAmong(devices: readonly DeviceKey[]) {
        asked.push("all");
        return devices.filter(({ deviceId }) => deviceId === LONG_AGO.deviceId);
      },
      replacedAmong: async () => [],
      async revokedLately() {
        asked.push("lately");
        return [LATELY];
      },
    },
    sessions: {
      isEmpty: false,
      devices: () => [LONG_AGO, LATELY],
      positions: () => new Map(),
      cut: (_storeId: string, deviceId: string) => void cut.push(deviceId),
    },
    runtime,
    log: pino({ level: "silent" }),
    onConnected: async () => undefined,
  };
  const notices = await startNotices(options as unknown as NoticesOptions);
  return { runtime, asked, cut, notices };
}

test("S11: who was revoked lately is cut within a second, and who was revoked at any time within a minute, by nobody's word", async () => {
  const { runtime, asked, cut, notices } = await startAlone();
  await runtime.pass(1_000);
  expect(cut).toEqual([LATELY.deviceId]);
  await runtime.pass(58_000);
  expect(cut).not.toContain(LONG_AGO.deviceId);
  await runtime.pass(1_000);
  expect(cut).toContain(LONG_AGO.deviceId);
  expect(asked.filter((question) => question === "all")).toHaveLength(1);
  await notices.close();
});
