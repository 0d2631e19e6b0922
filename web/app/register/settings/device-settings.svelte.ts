/** What is chosen for this device alone: kept by the browser, never replicated. */
import type { Environment } from "../../environment.ts";
import { DEFAULTS, readDeviceSettings, type DeviceChoices } from "./device-choices.ts";

const MEMORY = "tillwire.device";

export class DeviceSettings {
  readonly #memory: Environment["deviceMemory"];
  choices = $state.raw<DeviceChoices>(DEFAULTS);

  constructor(memory: Environment["deviceMemory"]) {
    this.#memory = memory;
    this.choices = readDeviceSettings(memory.read(MEMORY));
  }

  set(change: Partial<DeviceChoices>): void {
    this.choices = { ...this.choices, ...change };
    this.#memory.write(MEMORY, JSON.stringify(this.choices));
  }
}
