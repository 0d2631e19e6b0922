import { formatSyncToken, type SyncPosition } from "@tillwire/protocol/sync-token";
import { expect, test } from "vitest";
import { systemRuntime } from "./runtime.ts";
import { createSyncTokens } from "./sync-tokens.ts";

const STORE = "shop";
const UNSTAMPED = { epoch: "e1", cursor: 42, choice: "all" };
const position = { ...UNSTAMPED, stamp: "Zk_3-x9QpLo" };

test("a token that was given out is known again", () => {
  const tokens = createSyncTokens(systemRuntime);
  expect(tokens.read(STORE, tokens.format(STORE, position))).toEqual({ ...position, isGenuine: true });
});

test.each<[string, string, SyncPosition?]>([
  [
    "of the former version, with an invented one",
    formatSyncToken(UNSTAMPED, () => "AAAAAAAAAAAAAAAAAAAAAA"),
    UNSTAMPED,
  ],
  ["without a signature", formatSyncToken(position), UNSTAMPED],
  ["with an invented one", formatSyncToken(position, () => "AAAAAAAAAAAAAAAAAAAAAA")],
  ["with one of another length", formatSyncToken(position, () => "A")],
  ["of another secret", createSyncTokens(systemRuntime).format(STORE, position)],
])("a token %s says where it stands and is not genuine", (_, token, says = position) => {
  expect(createSyncTokens(systemRuntime).read(STORE, token)).toEqual({ ...says, isGenuine: false });
});

test("a token that the former version gave out is known, and says nothing of a stamp", () => {
  const tokens = createSyncTokens(systemRuntime);
  const former = tokens.format(STORE, UNSTAMPED);
  expect(former).toMatch(/^tw2\./);
  expect(tokens.read(STORE, former)).toEqual({ ...UNSTAMPED, isGenuine: true });
});

test("a signature is of one cursor, epoch, choice and stamp alone", () => {
  const tokens = createSyncTokens(systemRuntime);
  const token = tokens.format(STORE, position);
  const parts = [
    ["42", "43"],
    ["e1", "e2"],
    ["all", "any"],
    ["Zk_3-x9QpLo", "0"],
  ] as const;
  for (const [part, other] of parts)
    expect(tokens.read(STORE, token.replace(part, other))).toMatchObject({ isGenuine: false });
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
