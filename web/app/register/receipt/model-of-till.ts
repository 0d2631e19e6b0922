/** Receipts of this register's shop, in its words. */
import type { RecordSync } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import type { Refund } from "@tillwire/protocol/pos/refunds";
import { t, to } from "../../messages/messages.svelte.ts";
import type { Till } from "../till.svelte.ts";
import { receiptOf, type ReceiptModel } from "./receipt-model.ts";

export interface PrintedOrder {
  readonly order: Order;
  readonly refund?: Refund | null | undefined;
  readonly sync: RecordSync;
}

export function receiptModel(
  shared: Till,
  { order, refund = null, sync }: PrintedOrder,
  isCopy: boolean,
): ReceiptModel {
  const shop = shared.shop ?? null;
  const shopName = shop?.name ?? shared.replica.identity.storeName;
  return receiptOf(
    { order, refund, shop, shopName, isCopy, isOnServer: sync === "synced" },
    {
      texts: to().receipt,
      methods: t().pay.methods,
      money: (amount) => shared.money(amount),
      percent: (fraction) => shared.formats.percent(fraction),
      dateTime: (at) => shared.formats.dateTime(at),
    },
  );
}
