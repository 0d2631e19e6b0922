/**
 * What is not in the first load, which is what selling needs. Every part is fetched soon after, for when it is opened the server may
 * be away; the service worker keeps all of them. A new page or dialog gets a line here.
 */
import { Part } from "./part.svelte.ts";

export const parts = {
  cartSheet: new Part(() => import("./sell/cart-sheet.svelte")),
  confirm: new Part(() => import("../components/confirm.svelte")),
  payDialog: new Part(() => import("./sell/pay-dialog.svelte"), "selling", "orders"),
  options: new Part(() => import("./sell/options-dialog.svelte"), "selling"),
  lineEditor: new Part(() => import("./sell/line-editor.svelte"), "selling"),
  orderDetails: new Part(() => import("./sell/order-details.svelte"), "selling"),
  lockScreen: new Part(() => import("./staff/lock-screen.svelte"), "staff"),
  authorise: new Part(() => import("./staff/authorise-dialog.svelte"), "staff"),
  shift: new Part(() => import("./shift/shift-page.svelte"), "shift"),
  shiftFirst: new Part(() => import("./shift/shift-first.svelte"), "shift"),
  settings: new Part(() => import("./settings/settings-page.svelte"), "settings", "staff"),
  orders: new Part(() => import("./orders/orders.svelte"), "orders"),
  printerSetup: new Part(() => import("./receipt/printer-setup.svelte"), "orders"),
  refundDialog: new Part(() => import("./orders/refund-dialog.svelte"), "orders"),
  unfinishedRefunds: new Part(() => import("./orders/unfinished-refunds.svelte"), "orders"),
  syncPanel: new Part(() => import("./sync/sync-panel.svelte"), "panel"),
  updateWhenIdle: new Part(() => import("./sync/update-when-idle.svelte")),
  mirror: new Part(() => import("./mirror/mirror.svelte")),
  shortcuts: new Part(() => import("./shortcuts/shortcut-list.svelte")),
  inbox: new Part(() => import("./inbox/inbox.svelte"), "conflicts"),
  history: new Part(() => import("./history/record-history.svelte"), "conflicts"),
};

/** Rarely opened, so that they wait until the register has settled down. */
const LATER: readonly Part<unknown>[] = [parts.inbox, parts.history, parts.settings];
const LATER_MS = 3_000;

/** @returns what takes it back */
export function fetchParts(after: (ms: number, run: () => void) => () => void): () => void {
  for (const part of Object.values(parts)) if (!LATER.includes(part)) void part.fetch();
  return after(LATER_MS, () => void Promise.all(LATER.map((part) => part.fetch())));
}
