/** The cart on the screen: what is about to become an order, or an open order being edited. */
import { canonicalJson } from "@tillwire/protocol/hash";
import type { Person } from "@tillwire/protocol/pos/fields";
import type { Order, OrderItem } from "@tillwire/protocol/pos/orders";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import type { ReplicaRecord } from "@tillwire/client/api";
import type { OrderTotals } from "@tillwire/protocol/pos/totals";
import { addItem, countItems, newItem, quantitiesOf, removeLine, replaceItem, setQuantity } from "./cart.ts";
import { afterSave, contentIn, EMPTY_CART, isEmpty, remember, withOpened, type CartContent } from "./cart-content.ts";
import type { Discount } from "./discount.ts";
import { saveWithTicket } from "./kitchen-ticket.ts";
import type { Choice } from "./options.ts";
import { t } from "../../messages/messages.svelte.ts";
import { takenOf, type Payment, type PaymentPart } from "./payment.ts";
import {
  buildCancel,
  buildHolder,
  buildOpenOrder,
  buildSale,
  draftTotals,
  SaleIsSaved,
  type Build,
  type Draft,
  type OpenedOrder,
} from "./sale.ts";
import type { Till } from "../till.svelte.ts";

/** A reload in the middle of a sale keeps the cart; other tabs have carts of their own. */
const MEMORY = "tillwire.cart";
const WARNING_MS = 20_000;

export class Cart {
  readonly #till: Till;
  // raw: items go into IndexedDB as they are, and a proxy can't be stored
  items = $state.raw<readonly OrderItem[]>([]);
  notes = $state("");
  discount = $state.raw<Discount | null>(null);
  customerName = $state("");
  opened = $state.raw<OpenedOrder | null>(null);
  /** Made with the first line, remembered with the cart: see `Draft`. */
  saleId = $state.raw<string | null>(null);
  /** A save is under way; there is only one at a time. */
  isSaving = $state(false);
  /** Parts of a payment that is not complete: they outlive the dialog and a reload, for the money is in the drawer. */
  parts = $state.raw<readonly PaymentPart[]>([]);
  tip = $state(0);
  /** The line that a tap on a product added or counted up last. */
  touched = $state.raw<{ readonly id: string } | null>(null);
  /** Codes that a scanner typed into a dialog: a keypad there took their digits for its own. */
  strayScans = $state(0);
  /** The last sale that was paid here: customer displays show its change. */
  paid = $state.raw<{ readonly order: Order; readonly payment: Payment } | null>(null);
  /** The write that says who has the opened order; what is saved next builds on it. */
  #holding: Promise<void> = Promise.resolve();
  #isRemembered = true;

  constructor(till: Till) {
    this.#till = till;
    const remembered = till.env.tabMemory.read(MEMORY);
    // builds before knew no sale id
    if (remembered) this.#put({ ...EMPTY_CART, ...contentIn(remembered) });
  }

  readonly count = $derived.by(() => countItems(this.items));
  readonly quantities = $derived.by(() => quantitiesOf(this.items));
  /** Something of it would be lost with the tab: lines, money, a note, or an order that others see held. */
  readonly isBegun = $derived.by(() => !isEmpty(this));
  /** Money that was taken for it already. */
  readonly taken = $derived.by(() => takenOf(this.parts));
  /** The order that this new sale is already: saved before a reload, or by a copy of this tab. */
  readonly savedBefore = $derived.by((): ReplicaRecord<Order> | null => {
    const { saleId, opened, isSaving } = this;
    if (saleId === null || opened || isSaving) return null;
    return this.#till.orderRecords.current?.find(({ localId }) => localId === saleId) ?? null;
  });
  /** null while the shop's tax mode is unknown. */
  readonly totals = $derived.by((): OrderTotals | null => {
    const shop = this.#till.shop;
    return shop ? draftTotals(this, shop) : null;
  });
  /** The opened order as it stands now, if that is no longer what was opened, or somebody else has it. */
  readonly changedElsewhere = $derived.by((): ReplicaRecord<Order> | null => {
    const opened = this.opened;
    if (!opened) return null;
    const now = this.#till.orderRecords.current?.find((record) => record.localId === opened.localId);
    return now && now.hash !== opened.hash && !this.#isStillOurs(now.data, opened.data) ? now : null;
  });
  /** Who took the opened order over, if somebody did; null: nobody. */
  readonly takenOverBy = $derived.by((): string | null => {
    const holder = this.changedElsewhere?.data.holder;
    return holder && !this.#till.isOwn(holder.deviceId) ? holder.name : null;
  });
  /**
   * Not while somebody else's change to this order is known: the payment would be kept, but the order would stay open with their
   * version. And not before the shop's tax mode is known.
   */
  readonly payable = $derived.by(() => this.items.length > 0 && this.totals !== null && this.changedElsewhere === null);

  /** @param choice of variation and modifiers; absent: the product as it comes */
  add(product: Product, choice?: Choice, quantity = 1): void {
    const before = this.items;
    this.#set(addItem(before, { ...newItem(product, this.#till.env.newId(), choice), quantity }));
    const changed = this.items.find((item) => !before.includes(item));
    this.touched = changed ? { id: changed.id } : null;
  }
  setQuantity(itemId: string, quantity: number): void {
    this.#set(setQuantity(this.items, itemId, quantity));
  }
  /** The line as it was edited; a quantity of 0 removes it. */
  replace(edited: OrderItem): void {
    this.#set(setQuantity(replaceItem(this.items, edited), edited.id, edited.quantity));
  }
  remove(itemId: string): void {
    this.#set(removeLine(this.items, itemId));
  }
  setNotes(notes: string): void {
    this.notes = notes;
    this.#remember();
  }
  setDetails({ discount, customerName, notes }: Pick<Draft, "discount" | "customerName" | "notes">): void {
    Object.assign(this, { discount, customerName, notes });
    this.#remember();
  }
  setPayment(parts: readonly PaymentPart[], tip: number): void {
    if (this.isSaving) return; // with the payment that was confirmed
    Object.assign(this, { parts, tip });
    this.#remember();
  }

  /** Empties the cart; an order that it held is put back for the others. @returns what was in it, for `restore` */
  clear(): CartContent {
    const content = this.#content();
    this.#letGo();
    this.#put(EMPTY_CART);
    return content;
  }
  /** Takes an undone `clear` back; not over what was put into the cart meanwhile. */
  restore(content: CartContent): void {
    if (this.items.length > 0 || this.opened) return;
    this.#put(content);
  }
  /**
   * What is an order already is no new sale. Money that was taken for it goes on with the order where that is still open.
   * @param saved of `savedBefore`
   */
  takeSaved(saved: ReplicaRecord<Order>): void {
    if (this.parts.length > 0 && saved.data.orderStatus === "PENDING") void this.open(saved);
    else this.#put(EMPTY_CART);
  }

  /**
   * Takes an open order into the cart, at the value that is shown, and tells the others that this register has it: whoever had it sees at
   * once that it was taken over. Resolves when that is saved; the cart shows the order right away.
   */
  async open(record: ReplicaRecord<Order>): Promise<void> {
    if (this.opened?.localId !== record.localId) this.#letGo();
    this.#put(withOpened(record, this.#content()));
    this.#holding = this.#hold(record);
    await this.#holding;
  }

  /** Resolves when the sale is durable on this device; empties the cart then. Rejects with nothing saved. */
  async pay(payment: Payment): Promise<ReplicaRecord<Order>> {
    const order = await this.#save((draft) => buildSale(draft, payment, this.#till.saleContext()));
    this.paid = { order: order.data, payment };
    return order;
  }
  async keepOpen(): Promise<ReplicaRecord<Order>> {
    return this.#save((draft) => buildOpenOrder(draft, this.#till.saleContext()));
  }
  /** Cancels the opened order as it was saved, whatever was changed here. @param by who let it happen */
  async cancelOpened(by: Person): Promise<ReplicaRecord<Order>> {
    return this.#save(({ opened }) => {
      if (!opened) throw new Error("there is no saved order in the cart");
      return buildCancel(opened, by);
    });
  }

  async #save(build: (draft: Draft) => Build): Promise<ReplicaRecord<Order>> {
    if (this.isSaving) throw new Error("another save is under way");
    this.isSaving = true;
    try {
      const saved = this.#content();
      const order = await this.#saved(saved, build);
      this.#put(afterSave(this.#content(), saved));
      return order;
    } finally {
      this.isSaving = false;
    }
  }
  async #saved(content: CartContent, build: (draft: Draft) => Build): Promise<ReplicaRecord<Order>> {
    const { replica, kitchen, orders } = this.#till;
    const { saleId } = content;
    const opened = content.opened && (await this.#latest(content.opened));
    if (!opened && saleId !== null && (await orders.get(saleId))) throw new SaleIsSaved();
    const [order] = await saveWithTicket(replica, build({ ...content, opened }), kitchen(), opened?.localId);
    return order as ReplicaRecord<Order>;
  }
  /** The opened order as the next write should build on it: with what was only written about who has it. */
  async #latest(asked: OpenedOrder): Promise<OpenedOrder> {
    await this.#holding;
    const opened = this.opened?.localId === asked.localId ? this.opened : asked;
    const now = await this.#till.orders.get(opened.localId);
    return now && this.#isStillOurs(now.data, opened.data) ? now : opened;
  }
  async #hold(record: ReplicaRecord<Order>): Promise<void> {
    const { replica, env } = this.#till;
    const { deviceId, name } = replica.identity;
    if (record.data.holder?.deviceId === deviceId) return;
    const holder = { deviceId, name, at: env.now() };
    const [held] = await replica.batch(buildHolder(record, holder)).catch(() => []);
    // without it the order can be edited all the same: it only tells the others
    if (!held || this.opened?.localId !== record.localId) return;
    const { localId, data, readAt, hash } = held as ReplicaRecord<Order>;
    this.opened = { localId, data, readAt, hash };
    this.#remember();
  }
  /** Others may have the order that it holds. What is being saved lets go of it by itself. */
  #letGo(): void {
    if (this.opened && !this.isSaving) void this.#putBack(this.opened);
  }
  async #putBack(opened: OpenedOrder): Promise<void> {
    await this.#holding;
    const now = await this.#till.orders.get(opened.localId);
    if (now?.data.orderStatus !== "PENDING" || !now.data.holder || !this.#till.isOwn(now.data.holder.deviceId)) return;
    await this.#till.replica.batch(buildHolder(now, null)).catch(() => undefined);
  }
  /** Nothing of it changed but who has it, and that is nobody else. */
  #isStillOurs({ holder: now, ...data }: Order, { holder: _then, ...opened }: Order): boolean {
    if (now && !this.#till.isOwn(now.deviceId)) return false;
    return canonicalJson(data) === canonicalJson(opened);
  }
  #content(): CartContent {
    const { items, notes, discount, customerName, opened, parts, tip, saleId } = this;
    return { items, notes, discount, customerName, opened, parts, tip, saleId };
  }
  #put(content: CartContent): void {
    Object.assign(this, content);
    this.#set(content.items);
  }
  #set(items: readonly OrderItem[]): void {
    this.items = items;
    // what is empty costs nothing, so that nothing is off
    if (items.length === 0 && !this.opened) this.discount = null;
    if (items.length > 0 || this.opened) this.saleId ??= this.#till.env.newId();
    this.#remember();
  }
  #remember(): void {
    const { tabMemory } = this.#till.env;
    const before = this.#isRemembered;
    this.#isRemembered = remember({ write: (text) => tabMemory.write(MEMORY, text) }, this.#content());
    if (before && !this.#isRemembered) this.#till.notify(t().cart.notRemembered, WARNING_MS, { tone: "warn" });
  }
}
