/** How this device prints: kept in its browser, for printers stand beside devices. */
import type { Environment } from "../../environment.ts";

export type PaperWidth = "w58" | "w80";
export type PrintWay = "browser" | "usb" | "serial";
export interface PrinterSettings {
  readonly width: PaperWidth;
  readonly way: PrintWay;
}
const DEFAULT: PrinterSettings = { width: "w80", way: "browser" };
const KEY = "tillwire.printer";
type Memory = Environment["deviceMemory"];

export function readPrinterSettings(memory: Memory): PrinterSettings {
  try {
    const { width, way } = JSON.parse(memory.read(KEY) ?? "{}") as Partial<PrinterSettings>;
    return {
      width: width === "w58" || width === "w80" ? width : DEFAULT.width,
      way: way === "usb" || way === "serial" ? way : DEFAULT.way,
    };
  } catch {
    return DEFAULT;
  }
}

export function writePrinterSettings(settings: PrinterSettings, memory: Memory): void {
  memory.write(KEY, JSON.stringify(settings));
}
