import { describe, expect, test } from "vitest";
import { changeOfParts, isPart, methodOf, paidInFull, partOf, remainingOf, tipOf, tipsOfParts } from "./payment.ts";

describe("payment", () => {
  test("cash beyond what remains is change; beyond it nothing else goes", () => {
    const cash = partOf("CASH", 12.4, 20);
    expect(cash).toEqual({ method: "CASH", amount: 12.4, given: 20 });
    expect(changeOfParts([cash])).toBe(7.6);
    expect(partOf("CARD", 12.4, 20)).toEqual({ method: "CARD", amount: 12.4, given: null });
  });
  test("less than what remains is a part, and the rest still to be paid", () => {
    const parts = [partOf("GIFT_CARD", 12.4, 10)];
    expect(remainingOf(12.4, 0, parts)).toBe(2.4);
    parts.push(partOf("CASH", 2.4, null));
    expect(remainingOf(12.4, 0, parts)).toBe(0);
    expect(methodOf(parts)).toBe("OTHER");
    expect(methodOf([partOf("CASH", 5, null), partOf("CASH", 5, 10)])).toBe("CASH");
  });
  test("an order that shrank is known to be paid too much", () => {
    expect(remainingOf(8, 0, [partOf("CARD", 12.4, 10)])).toBe(-2);
  });
  test("nothing is no part, unless nothing is due", () => {
    expect([isPart(12.4, 0), isPart(12.4, 0.01), isPart(12.4, null), isPart(0, 0)]).toEqual([false, true, true, true]);
  });
  test("a tip comes on top, and lies in the last parts", () => {
    expect(tipOf(12.45, 10)).toBe(1.25);
    const payment = paidInFull("CARD", 12.4, null, 1.6);
    expect(payment.parts[0]?.amount).toBe(14);
    expect(tipsOfParts(payment)).toEqual([1.6]);
    const parts = [partOf("CARD", 14, 12.8), partOf("CARD", 1.2, 0.4), partOf("CASH", 0.8, null)];
    expect(tipsOfParts({ parts, tip: 1.6 })).toEqual([0.4, 0.4, 0.8]);
  });
});
