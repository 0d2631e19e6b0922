import { expect, test, vi } from "vitest";
import { DeletedNames } from "./deleted-names.ts";

const version = (syncVersion: number, data: object | null) =>
  ({
    ...{ seq: 1, collection: "orders", localId: "o1", syncVersion, hash: "", deviceId: "d1", createdBy: "d1" },
    updatedAt: 0,
    deleted: data === null,
    data,
  }) as never;

test("a deleted order is known by its last version, and the server is asked for it once", async () => {
  const history = vi.fn(async () => ({
    ...{ collection: "orders", localId: "o1", nextBefore: null },
    versions: [version(3, null), version(2, { orderNumber: "A1-7" }), version(1, { orderNumber: "A1-6" })],
  }));
  const names = new DeletedNames({ history });
  names.ask("o1");
  names.ask("o1");
  await vi.waitFor(() => expect(names.of("o1")?.orderNumber).toBe("A1-7"));
  expect(history).toHaveBeenCalledTimes(1);
});

test("what could not be asked is asked again", async () => {
  const history = vi.fn(async () => Promise.reject(new Error("offline")));
  const names = new DeletedNames({ history });
  for (const times of [1, 2]) {
    await vi.waitFor(() => {
      names.ask("o1");
      expect(history).toHaveBeenCalledTimes(times);
    });
  }
  expect(names.of("o1")).toBeUndefined();
});
