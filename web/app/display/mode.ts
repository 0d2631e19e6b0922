/** What a display shows, and whose cart: chosen by people, remembered by this browser. */
import type { Environment } from "../environment.ts";

export type DisplayMode = "kitchen" | "customer";
type Memory = Environment["deviceMemory"];

const MODE = "tillwire.display.mode";
const REGISTER = "tillwire.display.register";

/** @param query of the address: `?mode=customer` chooses, and is remembered; else what was chosen before, else the kitchen */
export function displayMode(query: string, memory: Memory): DisplayMode {
  const asked = new URLSearchParams(query).get("mode");
  if (asked === "customer" || asked === "kitchen") rememberMode(asked, memory);
  return memory.read(MODE) === "customer" ? "customer" : "kitchen";
}
export function rememberMode(mode: DisplayMode, memory: Memory): void {
  memory.write(MODE, mode);
}

/** Device id of the register whose cart is shown; null: none was chosen. */
export function chosenRegister(memory: Memory): string | null {
  return memory.read(REGISTER);
}
export function rememberRegister(deviceId: string | null, memory: Memory): void {
  memory.write(REGISTER, deviceId);
}
