import { expect, test } from "vitest";
import { derivePin, hashPin, verifyPin } from "./pin.ts";

const { subtle } = crypto;
const bytes = (text: string) => new TextEncoder().encode(text);
const hex = (hash: Uint8Array) => Buffer.from(hash).toString("hex");

// RFC 7914, section 11 (its first 32 bytes), and the widely used vectors for SHA-256 after RFC 6070.
test.each([
  ["passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"],
  ["password", "salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"],
])("PBKDF2 of %s with %s, %i times: the browser's and ours agree", async (secret, salt, iterations, expected) => {
  expect(hex(await derivePin(secret, bytes(salt), iterations, subtle))).toBe(expected);
  expect(hex(await derivePin(secret, bytes(salt), iterations, undefined))).toBe(expected);
});

test("a hash made with the browser's crypto is checked without it, and no other PIN passes", async () => {
  const hash = await hashPin("4711", { subtle });
  expect(hash).toMatch(/^pbkdf2-sha256\$10000\$[\w+/=]{24}\$[\w+/=]{44}$/);
  expect(await verifyPin("4711", hash, null)).toBe(true);
  expect(await verifyPin("4711", hash, subtle)).toBe(true);
  expect(await verifyPin("4712", hash, null)).toBe(false);
});

test("the same PIN of two people has two hashes", async () => {
  expect(await hashPin("1234", { subtle })).not.toBe(await hashPin("1234", { subtle }));
});

test.each([
  "",
  "1234",
  "pbkdf2-sha256$1$c2FsdA==$",
  "pbkdf2-sha256$9999999999$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  "pbkdf2-sha256$1$not base64!$AAAA",
])("what is no hash of a PIN lets nobody in: %s", async (pinHash) => {
  expect(await verifyPin("1234", pinHash, subtle)).toBe(false);
});
