/** Which language is spoken: the shop's; before it is known the one it had when last seen here, else the browser's. */
import type { Environment } from "../environment.ts";
import { speak } from "./messages.svelte.ts";

/** @param shop its settings; undefined or null while they are not here */
export function speakAsShop(
  shop: { readonly language: string } | null | undefined,
  env: Pick<Environment, "languages" | "rememberLanguage">,
): void {
  if (shop) env.rememberLanguage(shop.language);
  void speak(shop ? [shop.language, ...env.languages] : env.languages);
}
