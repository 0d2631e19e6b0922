import { pino } from "pino";
import { expect, test } from "vitest";
import { createManualRuntime, settle } from "../test/support/manual-runtime.ts";
import { createGate } from "./gate.ts";
import { createMarks } from "./marks.ts";
import { createMetrics } from "./metrics.ts";
import type { AuditStore } from "./store/audit-store.ts";
import type { DeviceStore, GivenMark, PresentedMark } from "./store/device-store.ts";

const device = { storeId: "shop", deviceId: "till", role: "register", name: "Till" } as const;

function setUp(given: () => Promise<GivenMark | null>, write: AuditStore["write"] = async () => undefined) {
  const presented: PresentedMark[] = [];
  const written: unknown[] = [];
  const metrics = createMetrics();
  const devices: Pick<DeviceStore, "presentMark"> = {
    presentMark: (_device, mark) => {
      presented.push(mark);
      return given();
    },
  };
  const audit: Pick<AuditStore, "write"> = {
    write: (...entry) => {
      written.push(entry);
      return write(...entry);
    },
  };
  const marks = createMarks({
    ...{ devices, audit, metrics },
    gate: createGate({ running: 1, waiting: 1 }),
    log: pino({ level: "silent" }),
    runtime: createManualRuntime(),
  });
  const counted = async (): Promise<number> => (await metrics.devicesCopied.get()).values[0]!.value;
  return { marks, presented, written, counted };
}

test("a database that does not answer costs the mark and not the hello", async () => {
  const { marks, written } = setUp(() => Promise.reject(new Error("away")));
  expect(await marks.present(device, "1.a", true)).toEqual({});
  expect(written).toEqual([]);
});

test("an audit trail that cannot be written costs neither the mark nor the warning", async () => {
  const given = { mark: "3.c", copied: true, news: true };
  const { marks, counted } = setUp(
    async () => given,
    () => Promise.reject(new Error("away")),
  );
  expect(await marks.present(device, "1.a", true)).toEqual({ mark: "3.c", copied: true });
  await settle();
  expect(await counted()).toBe(1);
});

test("a warning that stands is in every welcome, and told of once", async () => {
  const { marks, written, counted } = setUp(async () => ({ mark: "3.c", copied: true, news: false }));
  expect(await marks.present(device, "2.b", true)).toEqual({ mark: "3.c", copied: true });
  expect([written, await counted()]).toEqual([[], 0]);
});

test("marks begin with their number; what does not has none", async () => {
  const { marks, presented } = setUp(async () => ({ mark: "1.a", copied: false, news: false }));
  for (const mark of [null, "17.abc", "x", ".5", "12", "1234567890123456.a"]) await marks.present(device, mark, true);
  expect(presented.map(({ count }) => count)).toEqual([0, 17, 0, 0, 0, 0]);
});
