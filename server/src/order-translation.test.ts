import { expect, test } from "vitest";
import { refiledId } from "./checked-write.ts";
import { orderMeant, refiledPrefixes } from "./order-translation.ts";

const candidate = (localId: string, number: string | null, createdBy: string, seq = 1) => ({
  localId,
  number,
  createdBy,
  seq,
});
const mention = { orderId: "local-1", orderNumber: "ORD-7", createdBy: "a" };

test("an order under its own id is meant by its number", () => {
  expect(orderMeant(mention, [candidate("local-1", "ORD-7", "a")])).toBe("local-1");
});

test("an order that was filed under an amended id is found by its number", () => {
  const orders = [candidate("local-1", "ORD-3", "b"), candidate("local-1.1735689600000", "ORD-7", "a", 2)];
  expect(orderMeant(mention, orders)).toBe("local-1.1735689600000");
});

test("an amended number is the number", () => {
  const orders = [candidate("local-1", "ORD-7", "b"), candidate("local-1.5", "ORD-7-2", "a", 2)];
  expect(orderMeant(mention, orders)).toBe("local-1.5");
  expect(orderMeant({ ...mention, createdBy: "b" }, orders)).toBe("local-1");
});

test("nothing is meant where no number fits", () => {
  expect(orderMeant(mention, [candidate("local-1", "ORD-8", "a"), candidate("local-12", "ORD-7", "a")])).toBeNull();
});

test("without a number, the device's own order is meant, under its own id first", () => {
  const orders = [candidate("local-1", "ORD-3", "a"), candidate("local-1.5", "ORD-7", "a", 2)];
  expect(orderMeant({ ...mention, orderNumber: null }, orders)).toBe("local-1");
});

test("amended ids of long ids are found too", () => {
  const id = "x".repeat(60);
  const amended = refiledId(id, 1_735_689_600_000);
  expect(refiledPrefixes(id).some((prefix) => amended.startsWith(`${prefix}.`))).toBe(true);
  expect(orderMeant({ ...mention, orderId: id }, [candidate(amended, "ORD-7", "a")])).toBe(amended);
});
