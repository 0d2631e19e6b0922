/** The cart on the screen: what is about to become an order, or an open order being edited. */
import type { Order, OrderItem } from "@tillwire/protocol/pos/orders";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import type { ReplicaRecord } from "@tillwire/client/api";
import { orderTotals, type OrderTotals } from "@tillwire/protocol/pos/totals";
import { addProduct, countItems, quantitiesOf, removeLine, setQuantity } from "./cart.ts";
import { saveWithTicket } from "./kitchen-ticket.ts";
import { buildOpenOrder, buildSale, type Draft, type OpenedOrder, type Payment } from "./sale.ts";
import type { Till } from "../till.svelte.ts";

/** A reload in the middle of a sale keeps the cart; other tabs have carts of their own. */
const MEMORY = "tillwire.cart";

export class Cart {
  readonly #till: Till;
  // raw: items go into IndexedDB as they are, and a proxy can't be stored
  items = $state.raw<readonly OrderItem[]>([]);
  notes = $state("");
  opened = $state.raw<OpenedOrder | null>(null);
  /** The line that a tap on a product added or counted up last. */
  touched = $state.raw<{ readonly id: string } | null>(null);

  constructor(till: Till) {
    this.#till = till;
    const remembered = till.env.tabMemory.read(MEMORY);
    if (remembered) Object.assign(this, JSON.parse(remembered) as Draft);
  }

  readonly count = $derived.by(() => countItems(this.items));
  readonly quantities = $derived.by(() => quantitiesOf(this.items));
  /** null while the shop's tax mode is unknown. */
  readonly totals = $derived.by((): OrderTotals | null => {
    const mode = this.#till.shop?.taxMode;
    return mode ? orderTotals(this.items, this.opened?.data.discount ?? 0, mode) : null;
  });
  /** The opened order as it stands now, if that is no longer what was opened. */
  readonly changedElsewhere = $derived.by((): ReplicaRecord<Order> | null => {
    const opened = this.opened;
    if (!opened) return null;
    const now = this.#till.orderRecords.current?.find((record) => record.localId === opened.data.id);
    return now && now.hash !== opened.hash ? now : null;
  });
  /**
   * Not while somebody else's change to this order is known: the payment would be kept, but the order would stay open with their
   * version. And not before the shop's tax mode is known.
   */
  readonly payable = $derived.by(() => this.items.length > 0 && this.totals !== null && this.changedElsewhere === null);

  add(product: Product): void {
    const before = this.items;
    this.#set(addProduct(before, product, this.#till.env.newId()));
    const changed = this.items.find((item) => !before.includes(item));
    this.touched = changed ? { id: changed.id } : null;
  }
  setQuantity(itemId: string, quantity: number): void {
    this.#set(setQuantity(this.items, itemId, quantity));
  }
  remove(itemId: string): void {
    this.#set(removeLine(this.items, itemId));
  }
  setNotes(notes: string): void {
    this.notes = notes;
    this.#remember();
  }
  clear(): void {
    this.notes = "";
    this.opened = null;
    this.#set([]);
  }
  /** Takes an open order into the cart, at the value that is shown. */
  open(record: ReplicaRecord<Order>): void {
    this.opened = { data: record.data, readAt: record.readAt, hash: record.hash };
    this.notes = record.data.notes ?? "";
    this.#set(record.data.items);
  }

  /** Resolves when the sale is durable on this device; empties the cart then. Rejects with nothing saved. */
  async pay(payment: Payment): Promise<ReplicaRecord<Order>> {
    return this.#save(buildSale(this.#draft(), payment, this.#till.saleContext()));
  }
  async keepOpen(): Promise<ReplicaRecord<Order>> {
    return this.#save(buildOpenOrder(this.#draft(), this.#till.saleContext()));
  }

  async #save(build: ReturnType<typeof buildSale>): Promise<ReplicaRecord<Order>> {
    const { replica, kitchen } = this.#till;
    const [order] = await saveWithTicket(replica, build, kitchen(), this.opened?.data.id);
    this.clear();
    return order as ReplicaRecord<Order>;
  }
  #draft(): Draft {
    return { items: this.items, notes: this.notes, opened: this.opened };
  }
  #set(items: readonly OrderItem[]): void {
    this.items = items;
    this.#remember();
  }
  #remember(): void {
    const empty = this.items.length === 0 && !this.notes && !this.opened;
    this.#till.env.tabMemory.write(MEMORY, empty ? null : JSON.stringify(this.#draft()));
  }
}
