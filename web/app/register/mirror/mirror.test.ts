import { expect, test } from "vitest";
import { orderTotals } from "@tillwire/protocol/pos/totals";
import { CartMirror, PAUSE_MS } from "./cart-mirror.ts";
import { IDLE, mirroredCart } from "./mirrored-cart.ts";

const items = [
  {
    id: "a",
    product: { id: "p", name: "Latte", price: 4.2, taxRate: 0.1 },
    quantity: 2,
    modifiers: [{ name: "Oat milk", price: 0.5 }],
    discount: 0.4,
  },
] as never[];
const totals = orderTotals(items, 1, "exclusive");
const nothing = { items: [], totals: null, tip: 0, paying: false, paid: null };

test("a cart is its lines after their discounts, what was chosen, and the totals that the register shows", () => {
  const shown = mirroredCart({ ...nothing, items, totals, tip: 2 });
  expect(shown).toEqual({
    state: "selling",
    lines: [{ id: "a", name: "Latte", quantity: 2, amount: 9, details: ["Oat milk"] }],
    ...totals,
    tip: 2,
  });
  expect(mirroredCart({ ...nothing, items, totals, paying: true }).state).toBe("paying");
});

test("after the payment: the change, until something is rung up again; an empty cart is idle", () => {
  const paid = { items, totals, tip: 0, change: 1.5 };
  expect(mirroredCart({ ...nothing, paid })).toMatchObject({ state: "paid", change: 1.5, total: totals.total });
  expect(mirroredCart({ ...nothing, items, totals, paid }).state).toBe("selling");
  expect(mirroredCart(nothing)).toEqual(IDLE);
});

function world() {
  const puts: number[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const mirror = new CartMirror({
    put: (content) => Promise.resolve(puts.push(content.total)),
    after: (ms, run) => {
      timers.push({ ms, run });
      return () => {};
    },
  });
  const pass = () => timers.splice(0).forEach(({ run }) => run());
  const offer = (total: number) => mirror.offer({ ...IDLE, total });
  return { puts, timers, mirror, pass, offer };
}

test("at once, then at most every 300 ms, and then the latest alone", () => {
  const { puts, timers, mirror, pass, offer } = world();
  offer(1);
  mirror.sent(true);
  for (const total of [2, 3, 4]) offer(total);
  expect(puts).toEqual([1]);
  expect(timers.map(({ ms }) => ms)).toEqual([PAUSE_MS]);
  pass();
  expect(puts).toEqual([1, 4]);
});

test("nothing piles up without the server: one write waits, and the latest follows it", () => {
  const { puts, mirror, pass, offer } = world();
  for (const total of [1, 2, 3]) {
    offer(total);
    pass();
  }
  expect(puts).toEqual([1]);
  mirror.sent(true);
  expect(puts).toEqual([1, 3]);
});

test("what did not change is not written again", () => {
  const { puts, mirror, pass, offer } = world();
  offer(1);
  mirror.sent(true);
  pass();
  offer(1);
  expect(puts).toEqual([1]);
});
