/** How this register speaks of records: its texts, the shop's formats and the names of the devices. Read it inside `$derived`. */
import type { Speech } from "../conflicts/value-words.ts";
import { t, tc } from "../messages/messages.svelte.ts";
import type { Till } from "./till.svelte.ts";

export function speechOf(till: Till): Speech {
  const messages = t();
  const { formats } = till;
  return {
    messages,
    words: tc(),
    money: (amount) => till.money(amount),
    number: formats.count,
    dateTime: (at) => formats.moment(at, till.now),
    nameOf: (deviceId) =>
      deviceId === "server" ? messages.sync.server : (till.deviceName(deviceId) ?? messages.orders.anotherRegister),
  };
}
