/** Tells the server how this device fares: with every heartbeat, and in between when something changed. */
import type { DeviceMessage, DeviceStatus } from "@tillwire/protocol/messages";

export class StatusReport {
  #sent = "";
  /** Whether the server was told that something waits here. */
  #toldOfWaiting = false;

  constructor(
    private readonly look: () => DeviceStatus,
    private readonly send: (message: DeviceMessage) => void,
  ) {}

  /** For a hello. */
  first(): DeviceStatus {
    const status = this.look();
    this.#remember(status);
    return status;
  }

  heartbeat(): void {
    this.#tell(this.look());
  }

  ifChanged(): void {
    const status = this.look();
    if (textOf(status) !== this.#sent) this.#tell(status);
  }

  /** What the server was told to be waiting here is all sent. Told at once: this device may be closed next, and would count as holding it. */
  ifDrained(): void {
    if (!this.#toldOfWaiting) return;
    const status = this.look();
    if (status.pending === 0) this.#tell(status);
  }

  #tell(status: DeviceStatus): void {
    this.#remember(status);
    this.send({ type: "status", ...status });
  }

  #remember(status: DeviceStatus): void {
    this.#sent = textOf(status);
    this.#toldOfWaiting = (status.pending ?? 0) > 0;
  }
}

// the clock is always news, and never a reason
export function textOf({ clock: _, ...status }: DeviceStatus): string {
  return JSON.stringify(status);
}
