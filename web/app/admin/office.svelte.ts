/** What every part of the back office shares: the server behind its token, the devices' names, the shop's formats, the clock. */
import { createContext } from "svelte";
import type { Settings } from "@tillwire/protocol/pos/catalogue";
import type { Speech } from "../conflicts/value-words.ts";
import type { Environment } from "../environment.ts";
import { formatsFor } from "../format.ts";
import { t, ta, tc } from "../messages/messages.svelte.ts";
import { textOf } from "../messages/text-of.ts";
import { namesOf } from "./fleet.ts";
import { AdminError, type AdminApi, type FleetDevice } from "./admin-api.ts";

export const [office, provideOffice] = createContext<Office>();

const TICK_MS = 10_000;

export class Office {
  now = $state(0);
  devices = $state.raw<readonly FleetDevice[] | null>(null);
  shop = $state.raw<Settings | null>(null);
  readonly #stopClock: () => void;

  /** @param onended the token is no longer accepted */
  constructor(
    readonly env: Environment,
    readonly api: AdminApi,
    private readonly onended: () => void,
  ) {
    this.now = env.now();
    this.#stopClock = env.every(TICK_MS, () => (this.now = env.now()));
  }

  readonly formats = $derived.by(() =>
    formatsFor([...(this.shop ? [this.shop.language] : []), ...this.env.languages], this.shop?.currency ?? "USD"),
  );
  readonly speech = $derived.by((): Speech => {
    const [messages, formats] = [t(), this.formats];
    const names = namesOf(this.devices ?? []);
    return {
      messages,
      words: tc(),
      // without the shop's currency a wrong one would be worse than none
      money: (amount) => (this.shop ? formats.money(amount) : amount.toFixed(2)),
      number: formats.count,
      dateTime: (at) => formats.moment(at, this.now),
      nameOf: (deviceId) =>
        deviceId === "server" ? messages.sync.server : (names.get(deviceId) ?? messages.orders.anotherRegister),
    };
  });

  async readDevices(): Promise<void> {
    this.devices = (await this.api.devices()).devices;
  }
  /** The shop is not worth an error: without its settings amounts are shown without a currency. */
  async readShop(): Promise<void> {
    this.shop = await this.api.shop().catch(() => null);
  }

  /**
   * Runs `call`; what goes wrong is told in words.
   * @returns null when it went well
   */
  async attempt(call: () => Promise<unknown>): Promise<string | null> {
    try {
      await call();
      return null;
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      if (error.code === "UNAUTHENTICATED") this.onended();
      return errorText(error);
    }
  }

  close(): void {
    this.#stopClock();
  }
}

export function errorText({ code, message }: AdminError): string {
  return textOf(ta().errors, code) ?? ta().errors.other({ message });
}
