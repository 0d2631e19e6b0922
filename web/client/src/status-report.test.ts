import { expect, test } from "vitest";
import type { DeviceMessage, DeviceStatus } from "@tillwire/protocol/messages";
import { StatusReport } from "./status-report.ts";

function reported(): { report: StatusReport; pending: (count: number) => void; told: number[] } {
  let status: DeviceStatus = { cursor: 1, pending: 0, failed: 0, oldestPendingAt: null, clock: 5 };
  const told: number[] = [];
  const report = new StatusReport(
    () => status,
    (message: DeviceMessage) => message.type === "status" && told.push(message.pending!),
  );
  return { report, told, pending: (pending) => (status = { ...status, pending, cursor: status.cursor! + 1 }) };
}

test("once the server was told of something that waits, it is told at once that nothing does any more", () => {
  const { report, pending, told } = reported();
  report.first();
  pending(2);
  report.ifChanged();
  pending(1);
  report.ifDrained();
  expect(told).toEqual([2]);
  pending(0);
  report.ifDrained();
  report.ifDrained();
  expect(told).toEqual([2, 0]);
});

test("what came and went between two looks is no news", () => {
  const { report, pending, told } = reported();
  report.first();
  pending(0);
  report.ifDrained();
  expect(told).toEqual([]);
});

test("what a hello said to be waiting is taken back as well", () => {
  const { report, pending, told } = reported();
  pending(3);
  report.first();
  pending(0);
  report.ifDrained();
  expect(told).toEqual([0]);
});
