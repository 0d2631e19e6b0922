/** How many of the shop's registers have a record: each tells how far it has read the feed. Pure. */
import type { PresentDevice } from "@tillwire/protocol/messages";

/** @param seq the record's place in the feed */
export function seenBy(
  seq: number,
  devices: readonly PresentDevice[],
  ownId: string,
): { readonly seen: number; readonly count: number } {
  const registers = devices.filter(({ role }) => role === "register");
  const seen = registers.filter(({ deviceId, cursor }) => deviceId === ownId || (cursor ?? -1) >= seq).length;
  return { seen, count: registers.length };
}
