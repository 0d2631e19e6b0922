/** The register's entry. The board (`display/main.ts`) is a page of its own. */
import { enrol, forgetIdentity, loadIdentity, saveIdentity } from "@tillwire/client/enrol";
import { createReplica } from "@tillwire/client/replica";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import App from "./app.svelte";
import type { RegisterBackend } from "./backend.ts";
import { browserEnvironment } from "./browser-environment.ts";
import { openPage } from "./open-page.ts";
import { syncIntervalMs } from "./sync-interval.ts";

const env = browserEnvironment();

// The other tabs of this browser would go on as a device that it no longer is. Their carts outlive the reload.
const tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("tillwire:identity") : null;
tabs?.addEventListener("message", () => env.reload());

const backend: RegisterBackend = {
  loadIdentity: () => loadIdentity(),
  saveIdentity: (identity) => saveIdentity(identity),
  async forgetIdentity() {
    await forgetIdentity();
    tabs?.postMessage("forgotten");
  },
  enrol: (code, deviceId) => enrol(env.origin, code, deviceId),
  openReplica: async (identity) => {
    const intervalMs = await syncIntervalMs(env.origin);
    return createReplica({
      url: env.origin,
      identity,
      collections: SHOP_COLLECTIONS,
      presence: true,
      app: { name: "register", version: env.version },
      ...(intervalMs !== undefined && { syncIntervalMs: intervalMs }),
    });
  },
};

void openPage(App, { env, backend });
