/** What a customer display knows: the carts of the registers, which of them it follows, and whether that is how things are. */
import type { LinkStatus, OutboxEntry, Replica, ReplicaRecord } from "@tillwire/client/api";
import type { PresentDevice } from "@tillwire/protocol/messages";
import { carts, type MirroredCart } from "@tillwire/protocol/pos/carts";
import { SETTINGS_ID, settings } from "@tillwire/protocol/pos/catalogue";
import { formatsFor } from "../../format.ts";
import { LiveValues } from "../../observable.svelte.ts";
import { offlineStart$ } from "../../offline-start.ts";
import type { DisplayEnvironment } from "../display-environment.ts";
import { contactAfter, freshnessOf, noContact, type Contact } from "../freshness.ts";
import { chosenRegister, rememberRegister } from "../mode.ts";
import { mayReload } from "../reload-rule.ts";
import { showsCart, trustOf } from "./trust.ts";

const TICK_MS = 1_000;

export class CustomerView {
  readonly env: DisplayEnvironment;
  readonly replica: Replica;
  readonly #live = new LiveValues();
  readonly #records;
  readonly #shop;
  readonly #link;
  readonly #presence;
  readonly #outbox;
  readonly offlineStart;
  readonly #stopClock: () => void;
  /** Epoch ms, every second. */
  now = $state(0);
  #contact = $state.raw<Contact>(noContact(null));
  /** Epoch ms since which the cart can't be trusted; null: it can. */
  #doubtfulSince = $state<number | null>(0);
  #busyAt = 0;
  registerId = $state<string | null>(null);

  constructor(env: DisplayEnvironment, replica: Replica) {
    this.env = env;
    this.replica = replica;
    this.now = this.#busyAt = env.now();
    this.registerId = chosenRegister(env.deviceMemory);
    const live = this.#live;
    this.#records = live.of<readonly ReplicaRecord<MirroredCart>[]>(replica.collection(carts).records$, []);
    this.#shop = live.of(replica.collection(settings).record$(SETTINGS_ID), undefined);
    this.#link = live.of<LinkStatus | undefined>(replica.link$, undefined);
    this.#presence = live.of<readonly PresentDevice[]>(replica.presence$, []);
    this.#outbox = live.of<readonly OutboxEntry[]>(replica.outbox$, []);
    this.offlineStart = live.of(offlineStart$(env.offlineStart), env.offlineStart.current());
    live.run(replica.stats$, ({ lastSyncAt }) => {
      if (this.#contact.upToDateAt === null && lastSyncAt !== null)
        this.#contact = { ...this.#contact, upToDateAt: lastSyncAt };
    });
    live.run(replica.link$, (link) => (this.#contact = contactAfter(this.#contact, link, env.now())));
    this.#stopClock = env.every(TICK_MS, () => this.#tick());
  }

  readonly shop = $derived.by(() => this.#shop.current?.data);
  readonly languages = $derived.by(() => [...(this.shop ? [this.shop.language] : []), ...this.env.languages]);
  readonly formats = $derived.by(() => formatsFor(this.languages, this.shop?.currency ?? "USD"));
  /** Registers that mirror their cart, or did. */
  readonly registers = $derived.by(() =>
    this.#records.current
      .map(({ localId, data }) => ({ deviceId: localId, name: this.#nameOf(localId) ?? data.registerName }))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
  );
  readonly freshness = $derived.by(() =>
    this.#link.current
      ? freshnessOf(this.#contact, this.#link.current, this.now)
      : { kind: "stale" as const, upToDateAt: null },
  );
  readonly trust = $derived.by(() => trustOf(this.freshness, this.#presentRegister));
  readonly #presentRegister = $derived.by(() =>
    this.#presence.current.find(({ deviceId }) => deviceId === this.registerId),
  );
  readonly #record = $derived.by(() => this.#records.current.find(({ localId }) => localId === this.registerId));
  /** null: nobody is being served, or nobody can tell. */
  readonly cart = $derived.by((): MirroredCart | null => {
    const record = this.#record;
    if (!record) return null;
    const doubtfulMs = this.#doubtfulSince === null ? 0 : this.now - this.#doubtfulSince;
    return showsCart(record.data.state, doubtfulMs) ? record.data : null;
  });

  /** Empty while the shop's currency is unknown. */
  money(amount: number): string {
    return this.shop ? this.formats.money(amount) : "";
  }
  follow(deviceId: string | null): void {
    this.registerId = deviceId;
    rememberRegister(deviceId, this.env.deviceMemory);
  }
  close(): void {
    this.#stopClock();
    this.#live.close();
  }

  #nameOf(deviceId: string): string | undefined {
    return this.#presence.current.find((device) => device.deviceId === deviceId)?.name;
  }
  #tick(): void {
    this.now = this.env.now();
    this.#doubtfulSince = this.trust === "live" ? null : (this.#doubtfulSince ?? this.now);
    if (this.cart) this.#busyAt = this.now;
    if (!this.offlineStart.current.updateWaiting) return;
    const quiet = {
      openTickets: this.cart ? 1 : 0,
      unsent: this.#outbox.current.length,
      quietMs: this.now - this.#busyAt,
    };
    if (mayReload(quiet)) this.env.offlineStart.update();
  }
}
