import { formatSyncToken } from "@tillwire/protocol/sync-token";
import { expect, test } from "vitest";
import { systemRuntime } from "./runtime.ts";
import { createSyncTokens } from "./sync-tokens.ts";

const STORE = "shop";
const position = { epoch: "e1", cursor: 42, choice: "all" };

test("a token that was given out is known again", () => {
  const tokens = createSyncTokens(systemRuntime);
  expect(tokens.read(STORE, tokens.format(STORE, position))).toEqual({ ...position, isGenuine: true });
});

test.each([
  ["without a signature", formatSyncToken(position)],
  ["with an invented one", formatSyncToken(position, () => "AAAAAAAAAAAAAAAAAAAAAA")],
  ["with one of another length", formatSyncToken(position, () => "A")],
  ["of another secret", createSyncTokens(systemRuntime).format(STORE, position)],
])("a token %s says where it stands and is not genuine", (_, token) => {
  expect(createSyncTokens(systemRuntime).read(STORE, token)).toEqual({ ...position, isGenuine: false });
});

test("a signature is of one cursor, epoch and choice alone", () => {
  const tokens = createSyncTokens(systemRuntime);
  const token = tokens.format(STORE, position);
  for (const changed of [token.replace("42", "43"), token.replace("e1", "e2"), token.replace("all", "any")])
    expect(tokens.read(STORE, changed)).toMatchObject({ isGenuine: false });
});

test("a token that was given out in one shop proves nothing in another", () => {
  const tokens = createSyncTokens(systemRuntime);
  expect(tokens.read("another", tokens.format(STORE, position))).toEqual({ ...position, isGenuine: false });
});

test("nodes that share a database know each other's tokens", async () => {
  let kept: string | null = null;
  const settings = { keepSetting: async (_key: string, value: string) => (kept ??= value) };
  const [one, other] = [createSyncTokens(systemRuntime), createSyncTokens(systemRuntime)];
  await one.share(settings);
  await other.share(settings);
  expect(other.read(STORE, one.format(STORE, position))).toMatchObject({ isGenuine: true });
});

test("what is no token is null", () => {
  expect(createSyncTokens(systemRuntime).read(STORE, "1704067200000")).toBeNull();
});
