/** The display's entry: a page of its own, which loads nothing of the register. */
import "./display.css";
import { enrol, loadIdentity, saveIdentity } from "@tillwire/client/enrol";
import { createReplica } from "@tillwire/client/replica";
import { collectionSet } from "@tillwire/protocol/collection";
import { conflicts } from "@tillwire/protocol/conflicts";
import { carts } from "@tillwire/protocol/pos/carts";
import { settings } from "@tillwire/protocol/pos/catalogue";
import { tickets } from "@tillwire/protocol/pos/tickets";
import type { Backend } from "../backend.ts";
import { browserEnvironment } from "../browser-environment.ts";
import { openPage } from "../open-page.ts";
import { displayEnvironment } from "./display-environment.ts";
import Display from "./display.svelte";
import { displayMode } from "./mode.ts";
import { POLL_MS } from "./freshness.ts";
import { ticketsInSight } from "./served-window.ts";

const env = displayEnvironment(browserEnvironment());
const mode = displayMode(location.search, env.deviceMemory);

const backend: Backend = {
  loadIdentity: () => loadIdentity(),
  saveIdentity: (identity) => saveIdentity(identity),
  enrol: (code, deviceId) => enrol(env.origin, code, deviceId),
  openReplica: (identity) =>
    createReplica({
      url: env.origin,
      identity,
      collections: collectionSet([tickets, carts, settings, conflicts]),
      // a display reads what it shows; shown something else, it reads that from the beginning
      subscribe: [mode === "customer" ? carts.name : tickets.name, settings.name],
      presence: mode === "customer",
      live: ["websocket"],
      syncIntervalMs: POLL_MS,
      inSight: { [tickets.name]: (records) => ticketsInSight(records, env.now()) },
      app: { name: "display", version: env.version },
    }),
};

void openPage(Display, { env, backend, mode }, "display");
