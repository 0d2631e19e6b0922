import { expect, test } from "vitest";
import { Neighbours } from "./neighbours.ts";

function open() {
  let nowMs = 0;
  return { neighbours: new Neighbours(() => nowMs), pass: (ms: number) => void (nowMs += ms) };
}

test("a shop that alone sends has no neighbours, however much it sends", () => {
  const { neighbours } = open();
  for (let i = 0; i < 3; i += 1) neighbours.seen("a");
  expect(neighbours.hasOthers("a")).toBe(false);
  expect(neighbours.hasOthers("b")).toBe(true);
});

test("one that sells now and then is a neighbour of one that floods, until it was silent for long", () => {
  const { neighbours, pass } = open();
  neighbours.seen("quiet");
  for (let i = 0; i < 90; i += 1) {
    neighbours.seen("loud");
    pass(100);
    expect(neighbours.hasOthers("loud")).toBe(true);
  }
  pass(1_000);
  neighbours.seen("loud");
  expect(neighbours.hasOthers("loud")).toBe(false);
  expect(neighbours.hasOthers("quiet")).toBe(true);
});
