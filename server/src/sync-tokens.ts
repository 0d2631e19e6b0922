/** Gives out sync tokens and knows its own again, by a secret that all nodes share in the database and that backups hold. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { formatSyncToken, parseSyncToken, signatureOf, type SyncPosition } from "@tillwire/protocol/sync-token";
import { randomHex, type Runtime } from "./runtime.ts";
import type { ShopStore } from "./store/shop-store.ts";

/** What a device showed: `isGenuine` if this server, or another node of it, gave the token out in the device's own store. */
export interface ShownToken extends SyncPosition {
  readonly isGenuine: boolean;
}

export interface SyncTokens {
  format(storeId: string, position: SyncPosition): string;
  /** @param storeId of who shows it @returns null: no sync token at all */
  read(storeId: string, token: string): ShownToken | null;
  /** Takes over the secret that the database keeps, or leaves this node's there. For every new connection: it may be another database. */
  share(settings: Pick<ShopStore, "keepSetting">): Promise<void>;
}

const SETTING = "sync_token_secret";
/** 128 bits: nobody guesses them, and every frame carries them. */
const SIGNATURE_BYTES = 16;

export function createSyncTokens(runtime: Pick<Runtime, "random">): SyncTokens {
  let secret = randomHex(runtime, 32);
  // With the store, since epochs of different stores can't be compared: what one has come to proves nothing in another.
  const sign = (storeId: string, text: string): string => {
    const signature = createHmac("sha256", secret).update(`${storeId} ${text}`).digest();
    return signature.subarray(0, SIGNATURE_BYTES).toString("base64url");
  };
  return {
    format: (storeId, position) => formatSyncToken(position, (text) => sign(storeId, text)),
    read(storeId, token) {
      const position = parseSyncToken(token);
      if (!position) return null;
      const signed = signatureOf(token);
      return { ...position, isGenuine: signed !== null && isSame(signed.signature, sign(storeId, signed.text)) };
    },
    async share(settings) {
      secret = await settings.keepSetting(SETTING, secret);
    },
  };
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
