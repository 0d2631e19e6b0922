import type { PrinterPorts } from "./register/receipt/printers.ts";

/** Everything that the app takes from the browser: given by main.ts, replaced in tests and in the preview. */
export interface Environment {
  /** Origin of the server. */
  readonly origin: string;
  readonly version: string;
  /** BCP 47 tags, best first: the shop's as last remembered, then the browser's. */
  readonly languages: readonly string[];
  rememberLanguage(tag: string): void;
  /** False on plain http at a LAN address: no service worker, no storage persistence. */
  now(): number;
  newId(): string;
  /** Calls `run` every `ms`; returns what stops it. */
  every(ms: number, run: () => void): () => void;
  after(ms: number, run: () => void): () => void;
  /** @param first before whatever has the focus learns of it */
  onKey(run: (event: KeyboardEvent) => void, first?: boolean): () => void;
  /** Resolves when the browser is done with it, printed or not. */
  print(): Promise<void>;
  readonly printerPorts: PrinterPorts;
  saveFile(name: string, text: string): void;
  reload(): void;
  /** Another page of this origin, without a step back to this one. */
  goTo(path: string): void;
  /** The part of the address behind `#`. */
  readonly fragment: {
    read(): string;
    /** `replace`: without a step in the browser's history. */
    write(fragment: string, replace?: boolean): void;
    onChange(run: () => void): () => void;
  };
  /** Text that outlives a reload of this tab, and only this tab. */
  readonly tabMemory: { read(key: string): string | null; write(key: string, text: string | null): void };
  /** Text of this browser, of all its tabs: what was chosen for this device. */
  readonly deviceMemory: { read(key: string): string | null; write(key: string, text: string | null): void };
  readonly offlineStart: OfflineStart;
  /** Whether the browser keeps this origin's data, and how much of them there is, in bytes; null where it does not tell. */
  storage(): Promise<StorageFacts | null>;
}
export interface StorageFacts {
  readonly persisted: boolean;
  readonly usage?: number;
  readonly quota?: number;
}

/** Whether this browser can start the app without the server, and whether a newer build waits. */
export interface OfflineStart {
  current(): OfflineStartState;
  onChange(run: () => void): () => void;
  /** Takes the waiting build and reloads. */
  update(): void;
}
export interface OfflineStartState {
  /** `insecure`: plain http, browsers allow no service worker there; `unsupported`: this browser has none. */
  readonly kind: "preparing" | "ready" | "insecure" | "unsupported";
  readonly updateWaiting: boolean;
}
