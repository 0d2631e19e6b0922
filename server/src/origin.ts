/**
 * Browsers say which page speaks. Pages of this server and of ALLOWED_ORIGINS may; scripts name no origin and may, since
 * everything needs a token anyway, which a foreign page does not have.
 */
export type OriginCheck = (origin: string | undefined, host: string | undefined) => boolean;

/** @param allowed origins as browsers write them (`https://shop.example`), or `*` for any */
export function createOriginCheck(allowed: readonly string[]): OriginCheck {
  const known = new Set(allowed);
  return (origin, host) => {
    if (origin === undefined || known.has("*") || known.has(origin)) return true;
    try {
      return host !== undefined && new URL(origin).host === host.toLowerCase();
    } catch {
      return false; // "null", or nothing that a browser sends
    }
  };
}
