/** Tells the server how this device fares: with every heartbeat, and in between when something changed. */
import type { DeviceMessage, DeviceStatus } from "@tillwire/protocol/messages";

export class StatusReport {
  #sent = "";

  constructor(
    private readonly look: () => DeviceStatus,
    private readonly send: (message: DeviceMessage) => void,
  ) {}

  /** For a hello. */
  first(): DeviceStatus {
    const status = this.look();
    this.#sent = textOf(status);
    return status;
  }

  heartbeat(): void {
    this.#tell(this.look());
  }

  ifChanged(): void {
    const status = this.look();
    if (textOf(status) !== this.#sent) this.#tell(status);
  }

  #tell(status: DeviceStatus): void {
    this.#sent = textOf(status);
    this.send({ type: "status", ...status });
  }
}

// the clock is always news, and never a reason
function textOf({ clock: _, ...status }: DeviceStatus): string {
  return JSON.stringify(status);
}
