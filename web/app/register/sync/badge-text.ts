/** The badge in words. */
import type { Messages } from "../../messages/messages.svelte.ts";
import type { Badge } from "./badge.ts";

export function badgeText({ state, count, percent }: Badge, { sync: { badge } }: Messages): string {
  if (state === "live") return badge.live;
  if (state === "catching-up") return percent === null ? badge[state] : badge.catchingUpPercent({ percent });
  return badge[state]({ count });
}
