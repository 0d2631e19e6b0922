/** Where the register is, kept in the address's fragment: the back button works, and so does a reload without the server. */
import type { Environment } from "../environment.ts";
import { parsePlace, type Place, type SettingsSection } from "./route.ts";

export class Route {
  readonly #fragment: Environment["fragment"];
  readonly #stop: () => void;
  place = $state.raw<Place>({ view: "sell" });

  constructor(fragment: Environment["fragment"]) {
    this.#fragment = fragment;
    const follow = () => (this.place = parsePlace(fragment.read()));
    this.#stop = fragment.onChange(follow);
    follow();
  }

  sell(): void {
    this.#go({ view: "sell" }, "");
  }
  orders(): void {
    this.#go({ view: "orders", orderId: null }, "orders");
  }
  order(orderId: string): void {
    this.#go({ view: "orders", orderId }, `orders/${orderId}`);
  }
  conflicts(): void {
    this.#go({ view: "conflicts", conflictId: null }, "conflicts");
  }
  conflict(conflictId: string): void {
    this.#go({ view: "conflicts", conflictId }, `conflicts/${conflictId}`);
  }
  history(collection: string, localId: string): void {
    this.#go({ view: "history", collection, localId }, `history/${collection}/${localId}`);
  }
  shift(): void {
    this.#go({ view: "shift" }, "shift");
  }
  settings(section: SettingsSection = "shop"): void {
    this.#go({ view: "settings", section }, `settings/${section}`);
  }
  close(): void {
    this.#stop();
  }

  #go(place: Place, fragment: string): void {
    this.place = place;
    this.#fragment.write(fragment);
  }
}
