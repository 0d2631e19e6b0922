/** How a device that polls tells the server of itself, and presents its mark: when something changed, and now and then. */
import { markingSchema, type DeviceStatus } from "@tillwire/protocol/messages";
import type { Environment } from "./environment.ts";
import type { Transact } from "./fenced.ts";
import type { SyncRow } from "./local-store.ts";
import { keepMark, markOf } from "./mark.ts";
import { textOf } from "./status-report.ts";
import type { HttpLink } from "./transports/http.ts";

/** A copy that polls is found within about twice this time. */
const PRESENT_MS = 5 * 60_000;

export interface PolledStatusHost {
  readonly env: Pick<Environment, "now">;
  readonly http: Pick<HttpLink, "status">;
  readonly transact: Transact;
  readonly app: { readonly name: string; readonly version: string } | undefined;
  status(): DeviceStatus;
  position(): SyncRow;
  deviceId(): string;
}

export class PolledStatus {
  #told: { readonly text: string; readonly at: number } | null = null;

  constructor(private readonly host: PolledStatusHost) {}

  /** Polling begins: what was told over a link may be outdated. */
  begin(): void {
    this.#told = null;
  }

  /** What can't be told now is told after the next poll. */
  async tell(): Promise<void> {
    const { env, http, transact, app } = this.host;
    const status = this.host.status();
    const text = textOf(status);
    const now = env.now();
    const isDue = !this.#told || Math.abs(now - this.#told.at) >= PRESENT_MS;
    if (!isDue && this.#told?.text === text) return;
    const deviceId = this.host.deviceId();
    const { syncToken } = this.host.position();
    const mark = isDue ? { mark: markOf(this.host.position(), deviceId) } : {};
    const answer = await http.status({ syncToken, status, ...mark, ...(app && { app }) }).catch(() => null);
    const marking = markingSchema.safeParse(answer);
    // Servers of before know of no such thing; the next time is soon enough.
    this.#told = { text: marking.success ? text : "", at: isDue ? now : this.#told!.at };
    if (marking.success && isDue) await keepMark(transact, { ...marking.data, deviceId });
  }
}
