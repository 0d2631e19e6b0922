/**
 * The register on a fake replica, for looking at it: `vite` serves /app/testing/preview.html?scene=... while developing; no build contains
 * it. Scenes: live (default), offline, attention, catching-up, first-start, polling, paused, enrol, empty, many,
 * conflicts (behind #conflicts and #history/orders/o1), conflicts-offline, copied. `&language=de`: in German.
 */
import { v7 as uuidv7 } from "uuid";
import type { Identity, LinkStatus } from "@tillwire/client/api";
import { ReplicationError } from "@tillwire/protocol/errors";
import App from "../app.svelte";
import type { RegisterBackend } from "../backend.ts";
import type { Environment } from "../environment.ts";
import { openPage } from "../open-page.ts";
import { fillConflicts, fillHistory } from "./demo-conflicts.ts";
import { demoOrder, demoProducts, DEVICES, SHOP as DEMO_SHOP } from "./demo-data.ts";
import { FakeReplica } from "./fake-replica.ts";

const query = new URLSearchParams(location.search);
const scene = query.get("scene") ?? "live";
const SHOP = { ...DEMO_SHOP, language: query.get("language") ?? DEMO_SHOP.language };
const identity: Identity = {
  token: "t",
  deviceId: "d1",
  storeId: "s1",
  registerCode: "A1",
  role: "register",
  name: "Front counter",
  storeName: SHOP.name,
};
const PRODUCTS = demoProducts();
const now = () => Date.now();
const replica = new FakeReplica(identity, now);
const link = (change: Partial<LinkStatus>) => replica.link$.next({ ...replica.link$.value, since: now(), ...change });

function fill() {
  const many = scene === "many";
  const products = PRODUCTS;
  const more = Array.from({ length: many ? 20_000 : 0 }, (_, i) => {
    const like = products[i % products.length];
    return { ...like, id: `m${i}`, name: `${like?.name} no. ${i}` };
  });
  const fromServer = (data: object) => ({ data, deviceId: "server", updatedAt: now() });
  replica.presence$.next(DEVICES);
  replica.receive("settings", [fromServer(SHOP)]);
  replica.receive("products", [...products, ...more].map(fromServer));
  receiveOrders(many ? 10_000 : 30);
}
/** The latest `count` orders; `from` beyond those that are there brings a new one. */
function receiveOrders(count: number, from = 1, at = now()) {
  const made = Array.from({ length: count }, (_, i) => demoOrder(from + i, at, PRODUCTS));
  replica.receive(
    "orders",
    made.map(({ order, deviceId }) => ({ data: order, deviceId, updatedAt: order.createdAt })),
  );
  replica.receive(
    "transactions",
    made.flatMap(({ transaction, deviceId }) =>
      transaction ? [{ data: transaction, deviceId, updatedAt: transaction.createdAt }] : [],
    ),
  );
}
async function sell(count: number) {
  const { buildSale, draftTotals, EMPTY_DRAFT } = await import("../register/sell/sale.ts");
  const { paidInFull } = await import("../register/sell/payment.ts");
  for (let index = 0; index < count; index++) {
    const items = demoOrder(index + 40, now(), PRODUCTS).order.items;
    const context = {
      now: now() - (count - index) * 60_000,
      newId: uuidv7,
      userId: "d1",
      userName: "Front counter",
      taxMode: SHOP.taxMode,
    };
    const draft = { ...EMPTY_DRAFT, items };
    const { total } = draftTotals(draft, context);
    await replica.batch(buildSale(draft, paidInFull("CARD", total, null), context));
  }
  replica.outbox$.next(
    replica.outbox$.value.map((entry, index) => ({ ...entry, createdAt: now() - (count * 2 - index) * 31_000 })),
  );
}

const scenes: Record<string, () => Promise<void> | void> = {
  live: fill,
  many: fill,
  offline: async () => {
    link({ state: "offline", transport: null });
    replica.syncState$.next({ type: "Error", code: "NETWORK", message: "", retryAt: null });
    fill();
    await sell(6);
  },
  attention: async () => {
    link({ state: "offline" });
    fill();
    await sell(2);
    link({ state: "live" });
    const entry = replica.outbox$.value[0];
    if (entry) replica.reject(entry.key, "GUARD", "items of a paid order can't change");
    fillConflicts(replica, now, PRODUCTS);
  },
  "catching-up": () => {
    fill();
    link({ state: "catching up", progress: { cursor: 4_210, head: 10_400 } });
  },
  "first-start": () => link({ state: "catching up", progress: { cursor: 120, head: 10_400 } }),
  polling: () => {
    fill();
    link({ state: "polling", transport: "http" });
  },
  paused: () => {
    fill();
    link({ state: "offline", transport: null, paused: "reauthenticate" });
  },
  conflicts: () => {
    fill();
    fillConflicts(replica, now, PRODUCTS);
    fillHistory(replica, now, PRODUCTS);
  },
  "conflicts-offline": () => {
    link({ state: "offline", transport: null });
    fill();
    fillConflicts(replica, now, PRODUCTS);
  },
  copied: () => {
    fill();
    replica.copied$.next(true);
    replica.digests$.next({ digestsEqual: false, digestMismatches: 3 });
  },
  empty: () => replica.receive("settings", [{ data: SHOP, deviceId: "server", updatedAt: now() }]),
};

const env: Environment = {
  origin: location.origin,
  version: "preview",
  languages: [SHOP.language],
  rememberLanguage: () => undefined,
  now,
  newId: uuidv7,
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  onKey: (run, first = false) => {
    addEventListener("keydown", run, first);
    return () => removeEventListener("keydown", run, first);
  },
  print: async () => print(),
  printerPorts: {},
  saveFile: () => undefined,
  reload: () => location.reload(),
  goTo: () => undefined,
  fragment: {
    read: () => location.hash.slice(1),
    write: (fragment, replace) =>
      history[replace ? "replaceState" : "pushState"](
        null,
        "",
        `${location.pathname}${location.search}${fragment ? `#${fragment}` : ""}`,
      ),
    onChange: (run) => {
      addEventListener("popstate", run);
      return () => removeEventListener("popstate", run);
    },
  },
  tabMemory: { read: () => null, write: () => undefined },
  deviceMemory: { read: () => null, write: () => undefined },
  storage: async () => ({ persisted: true, usage: 84e6, quota: 2.4e9 }),
  offlineStart: {
    current: () => ({ kind: "insecure", updateWaiting: false }),
    onChange: () => () => undefined,
    update: () => undefined,
  },
};
let forgotten = scene === "enrol";
const backend: RegisterBackend = {
  loadIdentity: async () => (forgotten ? null : identity),
  forgetIdentity: async () => void (forgotten = true),
  saveIdentity: async () => undefined,
  enrol: async (code) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    if (code !== "ABCD2345") throw new ReplicationError("CODE_INVALID", "unknown code");
    return identity;
  },
  openReplica: async () => {
    await (scenes[scene] ?? fill)();
    return replica;
  },
};

// for scripts that look at the preview
Object.assign(globalThis, {
  preview: { replica, receiveOrders, link },
});
void openPage(App, { env, backend });
