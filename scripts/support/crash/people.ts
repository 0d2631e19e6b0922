/** The load: sales and what else is done at a register, by people who never wait for the network. */
import { setTimeout as delay } from "node:timers/promises";
import type { SettleChoice } from "@tillwire/client/api";
import { conflicts } from "@tillwire/protocol/conflicts";
import { WriteRejection } from "@tillwire/protocol/errors";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import type { Model } from "../simulator/model.ts";
import type { Random } from "../simulator/random.ts";
import { stampedOrders, type StampedOrder } from "../simulator/shop.ts";
import type { CrashDevice } from "./device.ts";

/** Between two deeds at one register, ms. */
const PAUSE_MS = { from: 20, to: 250 };
/** How long a form stays open, ms. */
const FORM_MS = { from: 50, to: 600 };
const TOUCHED_LATELY = 8;

/** At one register, until it is told to stop. */
export class Person {
  constructor(
    private readonly device: CrashDevice,
    private readonly model: Model,
    private readonly random: Random,
  ) {}

  async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#act(this.random.next());
      } catch (error) {
        // The device refuses what the server would: somebody else was faster.
        if (!(error instanceof WriteRejection)) throw error;
      }
      await delay(this.random.int(PAUSE_MS.from, PAUSE_MS.to));
    }
  }

  async #act(share: number): Promise<void> {
    if (share < 0.45) return this.#sell();
    if (share < 0.6) return this.#openTab();
    if (share < 0.85) return this.#edit();
    if (share < 0.93) return this.#delete();
    return this.#settle();
  }

  /** Order and payment in one batch, under the register's own numbers: saved when this resolves. */
  async #sell(): Promise<void> {
    const { device, model } = this;
    const { order, edit } = this.#newOrder("COMPLETED");
    const sale = `${device.name}-sale-${edit}`;
    await device.replica.batch((numbers) => {
      const orderNumber = numbers.next("order");
      const payment: Transaction & { sale: string } = {
        ...{ id: sale, sale, referenceNumber: numbers.next("transaction"), orderId: order.id, orderNumber },
        ...{ type: "SALE", amount: order.total, paymentMethod: "CASH", status: "COMPLETED" },
        ...{ userId: "u", userName: "Sam", createdAt: order.createdAt },
      };
      return [
        { op: "put", collection: "orders", data: { ...order, orderNumber } },
        { op: "put", collection: "transactions", data: payment },
      ];
    });
    this.#saved(order.id, edit);
    model.savedSale(device.name, sale, Math.round(order.total * 100));
  }

  /** Numbers that people type in: two of them may well be the same. */
  async #openTab(): Promise<void> {
    const { order, edit } = this.#newOrder("PENDING");
    await this.device.replica.collection(stampedOrders).put({ ...order, orderNumber: `T-${this.random.int(1, 500)}` });
    this.#saved(order.id, edit);
  }

  /** Now and then a form that is open for a while, and another register is faster. */
  async #edit(): Promise<void> {
    const orders = this.device.replica.collection(stampedOrders);
    const record = await this.#pick();
    if (!record) return;
    if (this.random.chance(0.5)) await delay(this.random.int(FORM_MS.from, FORM_MS.to));
    const edit = (this.device.edits += 1);
    const change = this.random.pick(["notes", "customerName", "tableName"] as const);
    const edits = { ...record.data.edits, [this.device.name]: edit };
    const data = { ...record.data, [change]: `edit ${edit} of ${this.device.name}`, edits };
    await orders.put(data, { localId: record.localId, readAt: record.readAt });
    this.#saved(record.localId, edit);
  }

  async #delete(): Promise<void> {
    const record = await this.#pick((order) => order.paymentStatus === "PENDING");
    if (!record) return;
    const edit = (this.device.edits += 1);
    await this.device.replica.collection(stampedOrders).delete(record.localId);
    this.#saved(record.localId, edit, true);
  }

  async #settle(): Promise<void> {
    const open = await this.device.replica.collection(conflicts).query({ where: ({ status }) => status === "open" });
    if (open.length === 0) return;
    const { localId, data } = this.random.pick(open);
    const merged: SettleChoice = { data: data.client.data as object | null };
    await this.device.replica.settle(localId, this.random.pick<SettleChoice>(["server", "client", merged]));
  }

  /** What was touched lately: that is what people fight over. */
  async #pick(where: (order: StampedOrder) => boolean = () => true) {
    const records = await this.device.replica.collection(stampedOrders).query({ where });
    const byTime = records.sort((a, b) => b.updatedAt - a.updatedAt).slice(0, TOUCHED_LATELY);
    return byTime[Math.floor(this.random.next() * byTime.length)];
  }

  #newOrder(orderStatus: "PENDING" | "COMPLETED"): { order: StampedOrder; edit: number } {
    const { device, random } = this;
    const edit = (device.edits += 1);
    const id = `${device.name}-order-${edit}`;
    const total = random.int(100, 5_000) / 100;
    const order: StampedOrder = {
      ...{ id, orderNumber: "to be given", subtotal: total, tax: 0, total, createdAt: Date.now(), orderStatus },
      items: [{ id: `${id}-1`, product: { id: "coffee", name: "Coffee", price: total }, quantity: 1, modifiers: [] }],
      ...{ paymentMethod: "CASH", paymentStatus: orderStatus === "COMPLETED" ? "PAID" : "PENDING" },
      edits: { [device.name]: edit },
    };
    return { order, edit };
  }

  #saved(localId: string, edit: number, deleted = false): void {
    const { name, identity } = this.device;
    this.model.savedEdit({ machine: name, deviceId: identity.deviceId, collection: "orders", localId, edit, deleted });
  }
}
