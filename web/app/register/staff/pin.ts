/** PINs of staff: only what is needed to check one is kept. `pbkdf2-sha256$<iterations>$<salt, base64>$<hash, base64>`. */
import { pbkdf2Async } from "@noble/hashes/pbkdf2.js";
import { sha256 } from "@noble/hashes/sha2.js";

export const PIN_PATTERN = /^\d{4,8}$/;

/** Checked within 150 ms even by a slow tablet on plain http, where the browser lends no crypto. */
const ITERATIONS = 10_000;
/** Whoever wrote the record: nobody makes a register compute for minutes. */
const MAX_ITERATIONS = 1_000_000;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const MAX_SALT_BYTES = 64;
const SCHEME = "pbkdf2-sha256";

/** The part of the browser's crypto that exists in secure contexts alone; without it the same is computed here. */
type Subtle = Pick<SubtleCrypto, "importKey" | "deriveBits"> | undefined;
type Bytes = Uint8Array<ArrayBuffer>;

export async function derivePin(pin: string, salt: Bytes, iterations: number, subtle: Subtle): Promise<Bytes> {
  const secret = new TextEncoder().encode(pin);
  if (!subtle) return Uint8Array.from(await pbkdf2Async(sha256, secret, salt, { c: iterations, dkLen: HASH_BYTES }));
  const key = await subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const bits = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, HASH_BYTES * 8);
  return new Uint8Array(bits);
}

/** @param pin 4 to 8 digits */
export async function hashPin(pin: string, { subtle, salt = newSalt() }: { subtle?: Subtle; salt?: Bytes } = {}) {
  const hash = await derivePin(pin, salt, ITERATIONS, subtle ?? browserSubtle());
  return [SCHEME, ITERATIONS, toBase64(salt), toBase64(hash)].join("$");
}

/** @returns false as well where the text is no hash of a PIN */
export async function verifyPin(
  pin: string,
  pinHash: string,
  subtle: Subtle | null = browserSubtle(),
): Promise<boolean> {
  const [scheme, count, saltText, hashText, ...rest] = pinHash.split("$");
  const [iterations, salt, expected] = [Number(count), fromBase64(saltText), fromBase64(hashText)];
  if (scheme !== SCHEME || rest.length > 0 || !salt || expected?.length !== HASH_BYTES) return false;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS) return false;
  if (salt.length > MAX_SALT_BYTES || !PIN_PATTERN.test(pin)) return false;
  const actual = await derivePin(pin, salt, iterations, subtle ?? undefined);
  // every byte is looked at: how long it takes says nothing
  return actual.reduce((difference, byte, index) => difference | (byte ^ expected[index]!), 0) === 0;
}

function browserSubtle(): Subtle {
  return (globalThis.crypto as Crypto | undefined)?.subtle;
}
function newSalt(): Bytes {
  return crypto.getRandomValues(new Uint8Array(SALT_BYTES));
}
function toBase64(bytes: Bytes): string {
  return btoa(String.fromCharCode(...bytes));
}
function fromBase64(text: string | undefined): Bytes | null {
  try {
    return text ? Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}
