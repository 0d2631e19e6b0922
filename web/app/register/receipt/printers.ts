/** Receipt printers at this device, by WebUSB and Web Serial where the browser has them. */
import type { PrintWay } from "./printer-settings.ts";

/** `noPrinter`: none was chosen, or it is unplugged; `lostPrinter`: it is there and takes nothing. */
export class PrinterError extends Error {
  constructor(readonly code: "noPrinter" | "lostPrinter") {
    super(code);
    this.name = "PrinterError";
  }
}

// The parts of WebUSB and Web Serial that are needed; TypeScript's own types know neither.
interface UsbEndpoint {
  readonly endpointNumber: number;
  readonly direction: "in" | "out";
  readonly type: string;
}
export interface UsbDevice {
  readonly configuration: {
    readonly interfaces: readonly {
      readonly interfaceNumber: number;
      readonly alternates: readonly { readonly interfaceClass: number; readonly endpoints: readonly UsbEndpoint[] }[];
    }[];
  } | null;
  open(): Promise<void>;
  selectConfiguration(value: number): Promise<void>;
  claimInterface(number: number): Promise<void>;
  transferOut(endpoint: number, bytes: Uint8Array): Promise<{ readonly status?: string }>;
  close(): Promise<void>;
}
export interface SerialPort {
  readonly writable: WritableStream<Uint8Array> | null;
  open(options: { baudRate: number }): Promise<void>;
  close(): Promise<void>;
}
export interface PrinterPorts {
  readonly usb?: { getDevices(): Promise<UsbDevice[]>; requestDevice(options: object): Promise<UsbDevice> };
  readonly serial?: { getPorts(): Promise<SerialPort[]>; requestPort(): Promise<SerialPort> };
}
type Direct = Exclude<PrintWay, "browser">;

const PRINTER_CLASS = 7;
const BAUD_RATE = 9600;
/** A printer without paper takes nothing and says nothing. */
const TIMEOUT_MS = 10_000;

export class Printers {
  readonly #ports: PrinterPorts;
  readonly #after: (ms: number, run: () => void) => () => void;

  constructor(ports: PrinterPorts, after: (ms: number, run: () => void) => () => void) {
    this.#ports = ports;
    this.#after = after;
  }

  has(way: Direct): boolean {
    return this.#ports[way] !== undefined;
  }

  /** Lets a person choose one; false: none was chosen. Browsers ask only on a tap. */
  async choose(way: Direct): Promise<boolean> {
    try {
      if (way === "usb") await this.#ports.usb?.requestDevice({ filters: [{ classCode: PRINTER_CLASS }] });
      else await this.#ports.serial?.requestPort();
    } catch {
      return false;
    }
    return this.isThere(way);
  }

  async isThere(way: Direct): Promise<boolean> {
    const found = way === "usb" ? await this.#ports.usb?.getDevices() : await this.#ports.serial?.getPorts();
    return (found?.length ?? 0) > 0;
  }

  /** Resolves when the printer has taken everything. Rejects with PrinterError. */
  async print(way: Direct, bytes: Uint8Array): Promise<void> {
    if (!(await this.isThere(way))) throw new PrinterError("noPrinter");
    let stop = () => {};
    const late = new Promise<never>((_, reject) => {
      stop = this.#after(TIMEOUT_MS, () => reject(new PrinterError("lostPrinter")));
    });
    const sent = way === "usb" ? this.#byUsb(bytes) : this.#bySerial(bytes);
    try {
      await Promise.race([sent, late]);
    } catch (error) {
      throw error instanceof PrinterError ? error : new PrinterError("lostPrinter");
    } finally {
      stop();
    }
  }

  async #byUsb(bytes: Uint8Array): Promise<void> {
    const [device] = (await this.#ports.usb?.getDevices()) ?? [];
    if (!device) throw new PrinterError("noPrinter");
    await device.open();
    try {
      if (device.configuration === null) await device.selectConfiguration(1);
      const [place] = (device.configuration?.interfaces ?? []).flatMap(({ interfaceNumber, alternates }) =>
        alternates
          .filter(({ interfaceClass }) => interfaceClass === PRINTER_CLASS)
          .flatMap(({ endpoints }) => endpoints.filter(({ direction, type }) => direction === "out" && type === "bulk"))
          .map(({ endpointNumber }) => ({ interfaceNumber, endpointNumber })),
      );
      if (!place) throw new PrinterError("noPrinter");
      await device.claimInterface(place.interfaceNumber);
      const { status } = await device.transferOut(place.endpointNumber, bytes);
      if (status && status !== "ok") throw new PrinterError("lostPrinter");
    } finally {
      await device.close();
    }
  }

  async #bySerial(bytes: Uint8Array): Promise<void> {
    const [port] = (await this.#ports.serial?.getPorts()) ?? [];
    if (!port) throw new PrinterError("noPrinter");
    await port.open({ baudRate: BAUD_RATE });
    try {
      const writer = port.writable?.getWriter();
      if (!writer) throw new PrinterError("lostPrinter");
      await writer.write(bytes).finally(() => writer.releaseLock());
    } finally {
      await port.close();
    }
  }
}
