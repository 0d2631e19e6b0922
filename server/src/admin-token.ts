/** The admin token: from ADMIN_TOKEN or, if that is unset, made on the first start and told once. Stored as SHA-256. */
import { sha256Hex } from "@tillwire/protocol/hash";
import { newToken } from "./auth.ts";
import type { Runtime } from "./runtime.ts";
import type { ShopStore } from "./store/shop-store.ts";

const SETTING = "admin_token_hash";

/** @returns `made`: the token, if it was made just now; nobody will be able to read it again */
export async function adminToken(
  shops: ShopStore,
  configured: string | null,
  runtime: Runtime,
): Promise<{ hash: string; made: string | null }> {
  if (configured !== null) return { hash: sha256Hex(configured), made: null };
  const token = newToken(runtime);
  const hash = await shops.keepSetting(SETTING, sha256Hex(token));
  return { hash, made: hash === sha256Hex(token) ? token : null };
}
