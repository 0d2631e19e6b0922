/** The badge in words. */
import type { Messages } from "../../messages/en.ts";
import type { Badge } from "./badge.ts";

export function badgeText({ state, count, percent }: Badge, { sync: { badge } }: Messages): string {
  if (state === "live") return badge.live;
  return state === "catching-up" ? badge[state](percent) : badge[state](count);
}
