/** The administration endpoints of the server, as the back office uses them. Times in epoch ms. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { ConflictPolicy, Role } from "@tillwire/protocol/messages";
import type { Settings } from "@tillwire/protocol/pos/catalogue";
import { SETTINGS_ID, settings } from "@tillwire/protocol/pos/catalogue";
import type { ConflictFilter } from "../conflicts/conflict-filter.ts";

export type Attention = "COPIED" | "DIGESTS_DIFFER" | "WRITES_REJECTED" | "HOLDS_UNSENT";
export interface FleetDevice {
  readonly deviceId: string;
  readonly name: string;
  readonly role: Role;
  readonly registerCode: string;
  readonly online: boolean;
  readonly lastSeenAt: number | null;
  readonly revokedAt: number | null;
  readonly copiedAt: number | null;
  readonly pending: number | null;
  readonly oldestPendingAt: number | null;
  readonly failed: number | null;
  readonly clockOffsetMs: number | null;
  readonly digestsEqual: boolean | null;
  readonly digestMismatches: number | null;
  readonly cursorLag: number | null;
  readonly app: { readonly name: string; readonly version: string } | null;
  readonly attention: readonly Attention[];
}
export interface ConflictPage {
  readonly conflicts: readonly (ConflictData & { readonly seq: number })[];
  readonly nextBefore: number | null;
  /** Of the whole shop. */
  readonly open: number;
  readonly settled: number;
}
export interface CollectionPolicy {
  readonly collection: string;
  readonly declared: ConflictPolicy;
  /** null: as declared. */
  readonly set: ConflictPolicy | null;
  readonly policy: ConflictPolicy;
}
export interface AuditEntry {
  readonly id: number;
  readonly at: number;
  /** `admin`, `server` or a deviceId. */
  readonly actor: string;
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
}
export interface Enrolment {
  readonly code: string;
  readonly expiresAt: number;
  readonly link: string;
}

/** `code` is the server's, or NETWORK when it was not reached. */
export class AdminError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class AdminApi {
  constructor(
    private readonly origin: string,
    private readonly token: string,
  ) {}

  devices(): Promise<{ head: number; devices: FleetDevice[] }> {
    return this.#call("GET", "/api/admin/devices");
  }
  async revoke(deviceId: string): Promise<void> {
    await this.#call("DELETE", `/api/admin/devices/${encodeURIComponent(deviceId)}`);
  }
  async clearCopied(deviceId: string): Promise<void> {
    await this.#call("DELETE", `/api/admin/devices/${encodeURIComponent(deviceId)}/copied`);
  }
  enrol(name: string, role: Role): Promise<Enrolment> {
    return this.#call("POST", "/api/admin/enrolments", { name, role });
  }
  conflicts({ status, collection, deviceId, search }: ConflictFilter, before: number | null): Promise<ConflictPage> {
    const query = new URLSearchParams();
    if (status !== "all") query.set("status", status);
    if (collection !== "") query.set("collection", collection);
    if (deviceId !== "") query.set("deviceId", deviceId);
    if (search.trim() !== "") query.set("q", search.trim().slice(0, 100));
    if (before !== null) query.set("before", String(before));
    return this.#call("GET", `/api/admin/conflicts?${query}`);
  }
  policies(): Promise<{ policies: CollectionPolicy[]; version: number }> {
    return this.#call("GET", "/api/admin/policies");
  }
  setPolicy(collection: string, policy: ConflictPolicy | null): Promise<{ policies: CollectionPolicy[] }> {
    return this.#call("PUT", "/api/admin/policies", { policies: { [collection]: policy } });
  }
  audit(before: number | null): Promise<{ entries: AuditEntry[]; nextBefore: number | null }> {
    return this.#call("GET", `/api/admin/audit${before === null ? "" : `?before=${before}`}`);
  }
  /** The shop's settings, for its name and its formats of money; null: it has none yet. */
  async shop(): Promise<Settings | null> {
    const path = `/api/records/${settings.name}/${SETTINGS_ID}/history?limit=1`;
    const { versions } = await this.#call<{ versions: { data: unknown }[] }>("GET", path);
    return (versions[0]?.data ?? null) as Settings | null;
  }

  /** @throws AdminError */
  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` };
    if (body) headers["content-type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(this.origin + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    } catch {
      throw new AdminError("NETWORK", "the server was not reached");
    }
    if (response.status === 204) return undefined as T;
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok) return answer as T;
    const { code = "INTERNAL", detail = response.statusText } = (answer ?? {}) as { code?: string; detail?: string };
    throw new AdminError(code, detail);
  }
}
