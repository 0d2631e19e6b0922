import { expect, test } from "vitest";
import { ALL_COLLECTIONS, choiceOf, formatSyncToken, parseSyncToken, signatureOf } from "./sync-token.ts";

test("a token reads back as what it was made of", () => {
  const position = { epoch: "0b7c-9f", cursor: 42, choice: choiceOf(["orders"]) };
  expect(parseSyncToken(formatSyncToken(position))).toEqual(position);
});

test("a signed token reads back, with its signature and what that is of", () => {
  const position = { epoch: "0b7c-9f", cursor: 42, choice: choiceOf(["orders"]) };
  const token = formatSyncToken(position, (text) => `${text.length}-_aZ`);
  expect(parseSyncToken(token)).toEqual(position);
  const { text, signature } = signatureOf(token)!;
  expect(signature).toBe(`${text.length}-_aZ`);
  expect(token).toBe(`tw2.${text}.${signature}`);
});

test.each(["Zk_3-x9QpLo", null])(
  "a token with the stamp %s reads back, and the signature is of the stamp too",
  (stamp) => {
    const position = { epoch: "0b7c-9f", cursor: 42, choice: choiceOf(["orders"]), stamp };
    const token = formatSyncToken(position, (text) => `${text.length}-_aZ`);
    expect(parseSyncToken(token)).toEqual(position);
    const { text, signature } = signatureOf(token)!;
    expect(signature).toBe(`${text.length}-_aZ`);
    expect(token).toBe(`tw3.${text}.${signature}`);
    expect(text).toContain(stamp ?? ".0");
  },
);

test("what bears no signature has none", () => {
  const position = { epoch: "e", cursor: 1, choice: ALL_COLLECTIONS };
  expect(signatureOf(formatSyncToken(position))).toBeNull();
  expect(signatureOf("tw2.e.1.all")).toBeNull();
});

test("the choice does not depend on order or repetition, and all is not the same as any", () => {
  expect(choiceOf(["b", "a", "b"])).toBe(choiceOf(["a", "b"]));
  expect(choiceOf(["a"])).not.toBe(choiceOf(["a", "b"]));
  expect(choiceOf(undefined)).toBe(ALL_COLLECTIONS);
});

test.each([
  "",
  "1704067200000",
  "tw1.e.-1.all",
  "tw1.e.1e3.all",
  "tw1.e.99999999999999999.all",
  "tw2.e.1.all",
  "tw1.e.1.all.signature",
  "tw2.e.1.all.",
  "tw2.e.1.all.sig.nature",
  "tw3.e.1.all.signature",
  "tw3.e.1.all.stamp.",
  "tw3.e.1.all.more-than-sixteen-characters.signature",
  "tw4.e.1.all.stamp.signature",
  "tw1.e e.1.all",
])("%s is no token", (text) => {
  expect(parseSyncToken(text)).toBeNull();
});
