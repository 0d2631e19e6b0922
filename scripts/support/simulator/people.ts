/** What people do at a register: they see what the replica shows them, and act on it. */
import type { Replica, ReplicaRecord, SettleChoice } from "@tillwire/client/api";
import type { Collection } from "@tillwire/protocol/collection";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import { ReplicationError, WriteRejection } from "@tillwire/protocol/errors";
import type { Base } from "@tillwire/protocol/messages";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import type { Coverage } from "./coverage.ts";
import type { Machine } from "./machine.ts";
import type { Model } from "./model.ts";
import type { Deed, Step } from "./plan.ts";
import { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import { movesIn, NOTES, stampedOrders, STOCK, stock, type Edits, type Note, type StampedOrder } from "./shop.ts";

export interface PeopleHost {
  readonly schedule: Schedule;
  readonly model: Model;
  readonly coverage: Coverage;
  /** Everybody has gone home. */
  readonly isClosed: boolean;
  violated(invariant: string, what: string, details?: unknown): void;
}

type Edited = { readonly edits?: Edits };

/** One person at one machine, for one deed. */
export class Person {
  readonly #random: Random;

  constructor(
    private readonly host: PeopleHost,
    private readonly machine: Machine,
    private readonly replica: Replica,
    private readonly step: Step,
  ) {
    this.#random = new Random(Math.floor(step.x * 2 ** 31), "deed");
  }

  /** Does it, and bears what a person must bear: a refusal, a full disk, no network. */
  async act(): Promise<void> {
    try {
      await this.#do(this.step.type as Deed);
    } catch (error) {
      if (error instanceof WriteRejection) this.host.coverage.add(`refused ${error.code}`);
      else if (error instanceof ReplicationError) this.host.coverage.add(`refused ${error.code}`);
      else if (error instanceof DOMException) this.host.coverage.add(`disk ${error.name}`);
      else this.host.violated("S8", `"${this.step.type}" failed at ${this.machine.name}`, error);
    }
  }

  async #do(deed: Deed): Promise<void> {
    const notes = this.#random.pick(NOTES);
    switch (deed) {
      case "sell":
        return this.#sell();
      case "open tab":
        return this.#save(stampedOrders, this.#newOrder("PENDING"));
      case "edit order":
        return this.#edit(stampedOrders, (order) => ({ ...order, notes: `for table ${this.#random.int(1, 9)}` }));
      case "complete order":
        return this.#edit(stampedOrders, (order) => ({
          ...order,
          orderStatus: "COMPLETED" as const,
          paymentStatus: "PAID" as const,
        }));
      case "note":
        return this.#save(notes, { id: this.machine.newId(), text: "new", edits: {} });
      case "same id":
        return this.#save(notes, { id: `shared-${this.#random.int(0, 3)}`, text: this.machine.name, edits: {} });
      case "edit note":
        return this.#edit(notes, (note) => this.#rewritten(note));
      case "stale edit":
        return this.#editLater(notes, (note) => this.#rewritten(note));
      case "delete note":
        return this.#delete(notes);
      case "move stock":
        return this.#moveStock();
      case "settle":
        return this.#settle();
      case "choose again":
        return this.#chooseAgain();
      case "retry":
      case "discard":
        return this.#dealWithRejected(deed);
      case "sync now":
        return void (await this.replica.syncNow());
    }
  }

  #rewritten(note: Note): Note {
    const { int, chance } = { int: this.#random.int(0, 99), chance: this.#random.chance(0.5) };
    if (this.#random.chance(0.05)) return { ...note, final: true };
    return chance ? { ...note, text: `text ${int}` } : { ...note, color: `color ${int}` };
  }

  /** The value with this machine's next edit in it. */
  #stamped<T extends Edited>(data: T): { data: T; edit: number } {
    const edit = (this.machine.edits += 1);
    return { edit, data: { ...data, edits: { ...data.edits, [this.machine.name]: edit } } };
  }

  #saved(collection: string, localId: string, edit: number, deleted = false): void {
    const { deviceId } = this.replica.identity;
    this.host.model.savedEdit({ machine: this.machine.name, deviceId, collection, localId, edit, deleted });
  }

  async #save<T extends Edited & { readonly id: string }>(
    collection: Collection<T>,
    value: T,
    read: { readonly localId: string; readonly readAt?: Base } = { localId: value.id },
  ): Promise<void> {
    const { data, edit } = this.#stamped(value);
    const { localId, readAt } = read;
    await this.replica.collection(collection).put(data, readAt ? { localId, readAt } : { localId });
    this.#saved(collection.name, localId, edit);
  }

  async #pick<T extends object>(collection: Collection<T>): Promise<ReplicaRecord<T> | undefined> {
    const records = await this.replica.collection(collection).query();
    if (records.length === 0) return undefined;
    // Mostly what was touched lately: that is what people fight over.
    const byTime = records.sort((a, b) => b.updatedAt - a.updatedAt || (a.localId < b.localId ? -1 : 1));
    return byTime[Math.floor(this.#random.next() ** 2 * byTime.length)];
  }

  async #edit<T extends Edited & { readonly id: string }>(
    collection: Collection<T>,
    change: (data: T) => T,
  ): Promise<void> {
    const record = await this.#pick(collection);
    if (!record) return;
    await this.#save(collection, change(record.data), record);
  }

  /** A form that is open for a while: the edit is made on what was seen when it was opened. */
  async #editLater<T extends object & Edited>(collection: Collection<T>, change: (data: T) => T): Promise<void> {
    const record = await this.#pick(collection);
    if (!record) return;
    await this.host.schedule.delay(this.step.forMs);
    if (this.host.isClosed) return;
    const { data, edit } = this.#stamped(change(record.data));
    await this.replica.collection(collection).put(data, { localId: record.localId, readAt: record.readAt });
    this.#saved(collection.name, record.localId, edit);
  }

  async #delete<T extends object & Edited>(collection: Collection<T>): Promise<void> {
    const record = await this.#pick(collection);
    if (!record) return;
    const edit = (this.machine.edits += 1);
    this.host.model.deleting(this.machine.name, collection.name, record.localId);
    await this.replica.collection(collection).delete(record.localId);
    this.#saved(collection.name, record.localId, edit, true);
  }

  #newOrder(status: "PENDING" | "COMPLETED", number = ""): StampedOrder {
    const id = this.machine.newId();
    const price = this.#random.int(100, 5_000) / 100;
    return {
      ...{
        id,
        orderNumber: number === "" ? `T-${this.#random.int(1, 40)}` : number,
        subtotal: price,
        tax: 0,
        total: price,
      },
      items: [{ id: `${id}-1`, product: { id: "p", name: "Coffee", price }, quantity: 1, modifiers: [] }],
      ...{ paymentMethod: "CASH", paymentStatus: status === "COMPLETED" ? "PAID" : "PENDING", orderStatus: status },
      ...{ createdAt: this.host.schedule.now, edits: {} },
    };
  }

  /** Order and payment in one batch, under the register's own numbers. */
  async #sell(): Promise<void> {
    const { machine, replica } = this;
    const { data: order, edit } = this.#stamped(this.#newOrder("COMPLETED", "to be given"));
    const id = `${machine.name}-sale-${edit}`;
    await replica.batch((numbers) => {
      const orderNumber = numbers.next("order");
      const payment: Transaction & { sale: string } = {
        ...{ id, sale: id, referenceNumber: numbers.next("transaction"), orderId: order.id, orderNumber },
        ...{ type: "SALE", amount: order.total, paymentMethod: "CASH", status: "COMPLETED" },
        ...{ userId: "u", userName: "Sam", createdAt: order.createdAt },
      };
      return [
        { op: "put", collection: "orders", data: { ...order, orderNumber } },
        { op: "put", collection: "transactions", data: payment },
      ];
    });
    this.#saved("orders", order.id, edit);
    this.host.model.savedSale(machine.name, id, Math.round(order.total * 100));
  }

  async #moveStock(): Promise<void> {
    const { id } = this.#random.pick(STOCK);
    const known = await this.replica.collection(stock).get(id);
    if (!known) return;
    const move = { id: `${this.machine.name}-move-${this.machine.edits + 1}`, pieces: -this.#random.int(1, 5) };
    const { pieces, moves } = known.data;
    await this.#save(stock, { ...known.data, pieces: pieces + move.pieces, moves: [...moves, move] }, known);
    this.host.model.savedMove(this.machine.name, id, move.id);
  }

  /** Somebody settles a conflict, edits the record a little later, and settles it otherwise after all. */
  async #chooseAgain(): Promise<void> {
    const conflict = await this.#pickConflict();
    if (!conflict) return;
    const { collection: name, recordId } = conflict.data;
    const collection = NOTES.find((notes) => notes.name === name);
    await this.#choose(conflict, this.#random.pick<SettleChoice>(["server", "client"]));
    const record = collection && (await this.replica.collection(collection).get(recordId));
    if (record) await this.#save(collection, this.#rewritten(record.data), record);
    await this.host.schedule.delay(this.#random.int(0, 300));
    if (!this.host.isClosed) await this.#choose(conflict, this.#random.pick<SettleChoice>(["server", "client"]));
  }

  async #choose({ localId, data }: ReplicaRecord<ConflictData>, choice: SettleChoice): Promise<void> {
    const { collection, recordId, client, server } = data;
    const { hash } = choice === "server" ? server : client;
    // Who keeps both puts neither in place of the other.
    if (choice !== "both") this.host.model.chosen.add(`${collection}/${recordId} ${hash}`);
    await this.replica.settle(localId, choice);
  }

  async #pickConflict(): Promise<ReplicaRecord<ConflictData> | undefined> {
    const all = await this.replica.collection(conflicts).query({ where: ({ status }) => status === "open" });
    return all.sort((a, b) => (a.localId < b.localId ? -1 : 1))[Math.floor(this.#random.next() * all.length)];
  }

  async #settle(): Promise<void> {
    const open = await this.#pickConflict();
    if (!open) return;
    const { client } = open.data;
    const merged: SettleChoice = { data: client.data as object | null };
    const choice = this.#random.pick<SettleChoice>(["server", "client", "both", merged]);
    await this.#choose(open, choice);
    this.host.coverage.add(`settled ${typeof choice === "string" ? choice : "merged"}`);
  }

  async #dealWithRejected(deed: "retry" | "discard"): Promise<void> {
    const rows = [...this.machine.disk.database.outbox.values()].filter(({ state }) => state === "rejected");
    const row = rows[0];
    if (!row) return;
    if (deed === "retry") return this.replica.retryRejected(row.key);
    await this.replica.discardRejected(row.key);
    // Given up by a person.
    const { model } = this.host;
    model.saved.delete(`${row.collection}/${row.localId}/${this.machine.name}`);
    for (const { id } of movesIn(row.data)) {
      const move = model.moves.get(id);
      if (move?.machine === this.machine.name) move.isExcused = true;
    }
    if (row.collection === "transactions") model.sales.delete(row.localId);
  }
}
