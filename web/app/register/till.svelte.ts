/** What every part of the register shares: the replica, the shop, the clock, names and formats. */
import { createContext } from "svelte";
import { filter, map, pairwise, throttleTime } from "rxjs";
import type { LinkStatus, Replica, ReplicaRecord, SyncState, SyncStats } from "@tillwire/client/api";
import {
  products,
  SETTINGS_ID,
  settings,
  staff,
  type Product,
  type StaffMember,
} from "@tillwire/protocol/pos/catalogue";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import type { Person } from "@tillwire/protocol/pos/fields";
import { shifts, type Shift } from "@tillwire/protocol/pos/shifts";
import { transactions } from "@tillwire/protocol/pos/transactions";
import type { Environment } from "../environment.ts";
import { formatsFor, knownLanguages } from "../format.ts";
import { t } from "../messages/messages.svelte.ts";
import { LiveValues } from "../observable.svelte.ts";
import { listen, Shortcuts } from "../shortcuts/shortcuts.ts";
import { EMPTY_INDEX, indexCatalogue } from "./sell/catalogue-index.ts";
import type { KitchenContext } from "./sell/kitchen-ticket.ts";
import type { SaleContext } from "./sell/sale.ts";
import { DeviceSettings } from "./settings/device-settings.svelte.ts";
import { openShiftOf } from "./shift/shifts.ts";
import { People, type CurrentPerson } from "./staff/people.svelte.ts";
import { StorageWatch } from "./storage-watch.svelte.ts";
import { badgeOf } from "./sync/badge.ts";
import { calmLink } from "./sync/calm-link.ts";
import { byRecord, newlyLost, openOnes } from "./sync/open-conflicts.ts";
import { recordName } from "./sync/sync-words.ts";
import { countUnsent } from "./sync/unsent.ts";
import { Toasts, type ToastText } from "./toasts.svelte.ts";

export const [till, provideTill] = createContext<Till>();

/** Bursts of a catch-up repaint this often; a single change still shows at once. */
const REPAINT_MS = 100;
const TICK_MS = 10_000;
const CONFLICT_TOAST_MS = 10_000;
const NO_STATS: SyncStats = {
  pending: 0,
  synced: 0,
  failed: 0,
  collections: new Map<string, never>(),
  lastSyncAt: null,
  oldestPendingAt: null,
  digestsEqual: null,
  digestMismatches: 0,
};
const NO_LINK: LinkStatus = {
  state: "connecting",
  transport: null,
  since: 0,
  lastContactAt: null,
  progress: null,
  paused: null,
  leader: false,
};
/** undefined: not read yet. */
type Records<T> = readonly ReplicaRecord<T>[] | undefined;
type SyncError = Extract<SyncState, { type: "Error" }>;

function paced<T>() {
  return throttleTime<T>(REPAINT_MS, undefined, { leading: true, trailing: true });
}

export class Till {
  readonly env: Environment;
  readonly replica: Replica;
  readonly shortcuts = new Shortcuts();
  readonly device: DeviceSettings;
  readonly people: People;
  readonly toasts: Toasts;
  readonly storage: StorageWatch;
  readonly #live = new LiveValues();
  readonly orders;
  readonly transactions;
  readonly shifts;
  readonly orderRecords;
  readonly staffRecords;
  readonly shiftRecords;
  readonly productRecords;
  readonly stats;
  readonly link;
  readonly outbox;
  readonly conflicts;
  readonly copied;
  readonly lastError;
  readonly #shop;
  readonly presence;
  readonly #stopClock: () => void;
  readonly #stopKeys: () => void;
  /** Epoch ms, every ten seconds: for ages. */
  now = $state(0);

  constructor(env: Environment, replica: Replica) {
    this.env = env;
    this.replica = replica;
    this.toasts = new Toasts(env);
    this.storage = new StorageWatch(env);
    const live = this.#live;
    this.orders = replica.collection(orders);
    this.transactions = replica.collection(transactions);
    this.orderRecords = live.of<Records<Order>>(this.orders.records$.pipe(paced()), undefined);
    this.productRecords = live.of<Records<Product>>(replica.collection(products).records$.pipe(paced()), undefined);
    this.shifts = replica.collection(shifts);
    this.shiftRecords = live.of<Records<Shift>>(this.shifts.records$, undefined);
    this.staffRecords = live.of<Records<StaffMember>>(replica.collection(staff).records$, undefined);
    this.device = new DeviceSettings(env.deviceMemory);
    this.people = new People(
      env,
      { id: replica.identity.deviceId, name: replica.identity.name },
      () => this.#members,
      () => this.device.choices.idleLockMinutes * 60_000 || null,
    );
    this.#shop = live.of(replica.collection(settings).record$(SETTINGS_ID), undefined);
    this.stats = live.of(replica.stats$, NO_STATS);
    this.link = live.of(replica.link$.pipe(calmLink(env.now)), NO_LINK);
    this.outbox = live.of(replica.outbox$, []);
    this.conflicts = live.of(replica.conflicts$, []);
    this.copied = live.of(replica.copied$, false);
    this.presence = live.of(replica.presence$, []);
    const ended = replica.syncState$.pipe(filter((state) => state.type === "Error" || state.type === "Success"));
    this.lastError = live.of(
      ended.pipe(map((state): SyncError | null => (state.type === "Error" ? state : null))),
      null,
    );
    // The first list is history; what joins it later, and lost here, is news.
    this.#live.run(replica.conflicts$.pipe(pairwise()), ([before, now]) => {
      const lost = newlyLost(before, now, replica.identity.deviceId);
      if (!lost) return;
      const { collection, server, client, status } = lost;
      const what = recordName(collection, server.data ?? client.data, t());
      this.notify(
        status === "open" ? t().sync.conflictOpenToast({ what }) : t().sync.conflictToast({ what }),
        CONFLICT_TOAST_MS,
      );
    });
    this.#stopKeys = listen(this.shortcuts, env.onKey);
    this.now = env.now();
    this.#stopClock = env.every(TICK_MS, () => {
      this.now = env.now();
      this.people.tick();
    });
  }

  readonly #members = $derived.by(() => this.staffRecords.current?.map(({ data }) => data));
  /** The open shift of this register: its drawer. */
  readonly shift = $derived.by(() => openShiftOf(this.shiftRecords.current ?? [], this.replica.identity.deviceId));
  /** Whether a sale should belong to a shift. */
  readonly usesShifts = $derived.by(
    () => this.device.choices.askForShift || (this.shiftRecords.current?.length ?? 0) > 0,
  );
  /** undefined until the shop's settings are here: no total can be known without them. */
  readonly shop = $derived.by(() => this.#shop.current?.data);
  readonly languages = $derived.by(() =>
    knownLanguages([...(this.shop ? [this.shop.language] : []), ...this.env.languages]),
  );
  readonly formats = $derived.by(() => formatsFor(this.languages, this.shop?.currency ?? "USD"));
  readonly openConflicts = $derived.by(() => openOnes(this.conflicts.current));
  readonly badge = $derived.by(() =>
    badgeOf(
      { pending: countUnsent(this.outbox.current), failed: this.stats.current.failed },
      this.link.current,
      this.openConflicts.length,
    ),
  );
  readonly #conflictOf = $derived.by(() => byRecord(this.openConflicts));

  #lastIndex = EMPTY_INDEX;
  /** The catalogue, ready for search. */
  readonly catalogue = $derived.by(
    () => (this.#lastIndex = indexCatalogue(this.productRecords.current ?? [], this.#lastIndex)),
  );
  /** What is not here yet may still come in a moment: skeletons, not "nothing". */
  readonly stillFetching = $derived.by(() => {
    const { state } = this.link.current;
    return this.productRecords.current === undefined || state === "connecting" || state === "catching up";
  });

  /** Empty while the shop's currency is unknown: a wrong one would be worse than none. */
  money(amount: number): string {
    return this.shop ? this.formats.money(amount) : "";
  }

  isOwn(deviceId: string): boolean {
    return deviceId === this.replica.identity.deviceId;
  }

  /** @returns null when no name is known */
  deviceName(deviceId: string): string | null {
    return this.isOwn(deviceId)
      ? this.replica.identity.name
      : (this.presence.current.find((device) => device.deviceId === deviceId)?.name ?? null);
  }

  /** Who made an order: the device's name, else the register that its number's prefix names. */
  makerOf(record: ReplicaRecord<Order>): string {
    return this.deviceName(record.createdBy) ?? t().app.register({ code: record.data.orderNumber.split("-")[0] ?? "" });
  }

  /** @returns localId of an open conflict about this record, whoever lost; undefined: none */
  conflictOf({ collection, localId }: Pick<ReplicaRecord<unknown>, "collection" | "localId">): string | undefined {
    return this.#conflictOf.get(`${collection}/${localId}`);
  }

  /** Who is at this register; where nobody signs in, the register itself. */
  currentPerson(): CurrentPerson {
    return this.people.current;
  }

  /** A manager lets something happen: `People.authorise`. */
  authorise(reason: string): Promise<Person | null> {
    return this.people.authorise(reason);
  }

  saleContext(): SaleContext {
    const { id: userId, name: userName } = this.currentPerson();
    if (!this.shop) throw new Error("the shop's settings are not here yet");
    const { taxMode, taxRounding } = this.shop;
    const shiftId = this.shift?.id ?? null;
    return { now: this.env.now(), newId: this.env.newId, userId, userName, taxMode, taxRounding, shiftId };
  }

  /** What a sale needs to know to tell the kitchen. */
  readonly kitchen = (): KitchenContext => ({ now: this.env.now(), categories: this.shop?.kitchenCategories });

  notify(text: string, ms?: number, more: Omit<ToastText, "text"> = {}): void {
    this.toasts.show({ text, ...more }, ms);
  }

  close(): void {
    this.#stopClock();
    this.storage.close();
    this.#stopKeys();
    this.toasts.hide();
    this.#live.close();
  }
}
