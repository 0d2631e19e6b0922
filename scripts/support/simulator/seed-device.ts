/** An existing device: the HTTP batch API alone, no replica, ids of five random digits, its own clock as its cursor. */
import type { Machine } from "./machine.ts";
import type { Model } from "./model.ts";
import type { Schedule } from "./schedule.ts";

interface Item {
  readonly collection: "orders" | "transactions";
  readonly localId: string;
  readonly syncVersion: number;
  readonly data: object;
}

const INTERVAL_MS = 8_000;

export class SeedDevice {
  #waiting: Item[] = [];
  #lastSyncTimestamp: number | null = null;
  isClosed = false;

  constructor(
    private readonly machine: Machine,
    private readonly schedule: Schedule,
    private readonly model: Model,
  ) {
    this.#again();
  }

  get pending(): number {
    return this.#waiting.length;
  }
  get waiting(): readonly Item[] {
    return this.#waiting;
  }

  sell(): void {
    const { machine, schedule } = this;
    const edit = (machine.edits += 1);
    const price = machine.random.int(100, 9_900) / 100;
    const digits = machine.random.int(10_000, 10_040);
    const id = `local-${digits}`;
    const sale = `${machine.name}-sale-${edit}`;
    const createdAt = schedule.now + edit;
    const order = {
      ...{ id, orderNumber: `ORD-${1_000 + edit}`, subtotal: price, tax: 0, discount: 0, total: price, createdAt },
      ...{ paymentMethod: "CASH", paymentStatus: "PAID", orderStatus: "COMPLETED", customerId: null, notes: null },
      items: [{ id: `${id}-1`, product: { id: "p", name: "Coffee", price }, quantity: 1, modifiers: [] }],
    };
    const transaction = {
      ...{ id: `${sale}-t`, sale, referenceNumber: `TXN-${1_000 + edit}`, orderId: id, orderNumber: order.orderNumber },
      ...{
        type: "SALE",
        amount: price,
        paymentMethod: "CASH",
        status: "COMPLETED",
        userId: "u",
        userName: "Sam",
        createdAt,
      },
    };
    this.#waiting.push(
      { collection: "orders", localId: id, syncVersion: 1, data: order },
      { collection: "transactions", localId: transaction.id, syncVersion: 1, data: transaction },
    );
    this.model.savedSale(machine.name, sale, Math.round(price * 100));
  }

  #again(): void {
    const run = (): void => {
      if (this.isClosed) return;
      void this.#sync().then(
        () => this.#again(),
        () => this.#again(),
      );
    };
    this.schedule.after(INTERVAL_MS + this.machine.random.int(0, 2_000), run);
  }

  async #sync(): Promise<void> {
    const { identity, network, clockOffsetMs } = this.machine;
    if (!identity) return;
    const sent = this.#waiting.slice(0, 20);
    const itemsOf = (collection: Item["collection"], member: string) =>
      sent
        .filter((item) => item.collection === collection)
        .map(({ data, localId, syncVersion }) => ({
          [member]: data,
          ...{ localId, syncStatus: "PENDING", syncVersion, deviceId: identity.deviceId },
        }));
    const body = {
      deviceId: identity.deviceId,
      orders: itemsOf("orders", "order"),
      transactions: itemsOf("transactions", "transaction"),
      lastSyncTimestamp: this.#lastSyncTimestamp,
    };
    const controller = new AbortController();
    const cancel = this.schedule.after(30_000, () => controller.abort());
    const answer = await network.fetch(() => !this.isClosed)("http://shop.test/api/sync/batch", {
      method: "POST",
      headers: { authorization: `Bearer ${identity.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    cancel();
    if (answer.status !== 200) return;
    const { syncedOrders, syncedTransactions } = JSON.parse(await answer.text()) as Synced;
    const taken = new Set<Item>();
    for (const [collection, results] of [
      ["orders", syncedOrders],
      ["transactions", syncedTransactions],
    ] as const)
      sent
        .filter((item) => item.collection === collection)
        .forEach((item, i) => {
          // In conflict: the answer tells what the server has instead, and that is what the device has from then on.
          const result = results[i];
          if (result?.success || (result?.conflicts.length ?? 0) > 0) taken.add(item);
        });
    this.#waiting = this.#waiting.filter((item) => !taken.has(item));
    this.#lastSyncTimestamp = this.schedule.now + clockOffsetMs;
  }
}

interface SyncedItem {
  readonly success: boolean;
  readonly conflicts: readonly object[];
}

interface Synced {
  readonly syncedOrders: readonly SyncedItem[];
  readonly syncedTransactions: readonly SyncedItem[];
}
