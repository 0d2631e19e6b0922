/** What the parts of a kitchen board share: its tickets, whether they are how things are, and what was done to them last. */
import { createContext } from "svelte";
import { throttleTime } from "rxjs";
import type { LinkStatus, OutboxEntry, Replica } from "@tillwire/client/api";
import { SETTINGS_ID, settings } from "@tillwire/protocol/pos/catalogue";
import { moveTicket } from "@tillwire/protocol/pos/ticket-steps";
import { tickets, type TicketState } from "@tillwire/protocol/pos/tickets";
import { formatsFor } from "../format.ts";
import { LiveValues } from "../observable.svelte.ts";
import { offlineStart$ } from "../offline-start.ts";
import { columnsOf, COLUMNS, linesToNotice, nextState, previousState, servedOf, type TicketRecord } from "./board.ts";
import type { DisplayEnvironment } from "./display-environment.ts";
import { contactAfter, freshnessOf, noContact, type Contact } from "./freshness.ts";
import { mayReload } from "./reload-rule.ts";
import { assignSlots, NO_SLOTS, type Slots } from "./slots.ts";

export const [kitchen, provideKitchen] = createContext<Kitchen>();

const TICK_MS = 1_000;
/** Bursts of a catch-up repaint this often; a single change shows at once. */
const REPAINT_MS = 100;
/** The second tap of a nervous finger would hit the ticket that took the place of the first. */
const SETTLE_MS = 350;

export class Kitchen {
  readonly env: DisplayEnvironment;
  readonly replica: Replica;
  readonly #live = new LiveValues();
  readonly #tickets;
  readonly #records;
  readonly #shop;
  readonly #link;
  readonly outbox;
  readonly offlineStart;
  readonly #stops: (() => void)[] = [];
  /** Epoch ms, every second. */
  now = $state(0);
  #contact = $state.raw<Contact>(noContact(null));
  #slots: Slots = NO_SLOTS;
  #noticed: ReadonlySet<string> | null = null;
  #bumpedAt = 0;
  #touchedAt = 0;
  #pressed: Promise<void> = Promise.resolve();
  /** What can be undone. */
  last = $state.raw<{ readonly localId: string; readonly from: TicketState } | null>(null);

  constructor(env: DisplayEnvironment, replica: Replica) {
    this.env = env;
    this.replica = replica;
    this.now = this.#touchedAt = env.now();
    const live = this.#live;
    this.#tickets = replica.collection(tickets);
    const paced = throttleTime<readonly TicketRecord[]>(REPAINT_MS, undefined, { leading: true, trailing: true });
    const records$ = this.#tickets.records$.pipe(paced);
    this.#records = live.of<readonly TicketRecord[] | undefined>(records$, undefined);
    this.#shop = live.of(replica.collection(settings).record$(SETTINGS_ID), undefined);
    this.#link = live.of<LinkStatus | undefined>(replica.link$, undefined);
    this.outbox = live.of<readonly OutboxEntry[]>(replica.outbox$, []);
    this.offlineStart = live.of(offlineStart$(env.offlineStart), env.offlineStart.current());
    live.run(replica.stats$, ({ lastSyncAt }) => {
      // what the last start knew, until this one knows better
      if (this.#contact.upToDateAt === null && lastSyncAt !== null)
        this.#contact = { ...this.#contact, upToDateAt: lastSyncAt };
    });
    live.run(replica.link$, (link) => (this.#contact = contactAfter(this.#contact, link, env.now())));
    live.run(records$, (records) => this.#listen(records));
    this.#stops.push(
      env.every(TICK_MS, () => this.#tick()),
      env.onTouched(() => (this.#touchedAt = env.now())),
    );
  }

  /** False until the first look into the local database. */
  readonly loaded = $derived.by(() => this.#records.current !== undefined);
  readonly columns = $derived.by(() => columnsOf(this.#records.current ?? []));
  readonly openCount = $derived.by(() => COLUMNS.reduce((sum, column) => sum + this.columns[column].length, 0));
  readonly served = $derived.by(() => servedOf(this.#records.current ?? []));
  readonly freshness = $derived.by(() =>
    this.#link.current
      ? freshnessOf(this.#contact, this.#link.current, this.now)
      : { kind: "stale" as const, upToDateAt: null },
  );
  readonly slots = $derived.by(() => {
    const open = COLUMNS.flatMap((column) => this.columns[column].map(({ localId }) => localId));
    return (this.#slots = assignSlots(this.#slots, open));
  });
  readonly shop = $derived.by(() => this.#shop.current?.data);
  readonly languages = $derived.by(() => [...(this.shop ? [this.shop.language] : []), ...this.env.languages]);

  readonly formats = $derived.by(() => formatsFor(this.languages, this.shop?.currency ?? "USD"));

  /** A step by a finger, which may tap twice. */
  async tap(record: TicketRecord, to?: TicketState): Promise<void> {
    const sinceMs = this.env.now() - this.#bumpedAt;
    if (sinceMs < 0 || sinceMs >= SETTLE_MS) await this.bump(record, to);
  }
  /** One step on, or the one given. Resolves when it is durable here. */
  async bump(record: TicketRecord, to: TicketState = nextState(record.data)): Promise<void> {
    this.#bumpedAt = this.env.now();
    this.last = { localId: record.localId, from: record.data.state };
    try {
      await this.#tickets.put(moveTicket(record.data, to), { localId: record.localId, readAt: record.readAt });
    } catch {
      // Another board was there first, and its step forbids this one: what stands is on the screen.
      this.last = null;
    }
  }
  async undo(): Promise<void> {
    const { last } = this;
    const record = last && this.#records.current?.find(({ localId }) => localId === last.localId);
    if (!record || record.data.state === last.from) return;
    await this.bump(record, last.from);
    this.last = null;
  }
  /** A step by a key, on what the keys before it made of the ticket. */
  press(key: number, step: "on" | "back"): Promise<void> {
    return (this.#pressed = this.#pressed.then(async () => {
      const id = [...this.slots].find(([, slot]) => slot === key)?.[0];
      const record = id === undefined ? undefined : await this.#tickets.get(id);
      const to = record && (step === "on" ? nextState(record.data) : previousState(record.data));
      if (record && to && record.data.state !== "served") await this.bump(record, to);
    }));
  }
  /** Gives the board's refused step up: what the server has is shown again. */
  async takeServers(localId: string): Promise<void> {
    for (const entry of this.outbox.current)
      if (entry.localId === localId && entry.state === "rejected") await this.replica.discardRejected(entry.key);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#live.close();
  }

  /** A sound for what came or was voided, but not for what was there at the start. */
  #listen(records: readonly TicketRecord[]): void {
    const lines = linesToNotice(records);
    const news = this.#noticed !== null && [...lines].some((line) => !this.#noticed!.has(line));
    if (this.#noticed !== null) this.#noticed = lines;
    if (!news) return;
    this.#touchedAt = this.env.now();
    this.env.sound.play();
  }

  #tick(): void {
    this.now = this.env.now();
    if (this.freshness.kind === "live") this.#noticed ??= linesToNotice(this.#records.current ?? []);
    if (!this.offlineStart.current.updateWaiting) return;
    const quietMs = this.now - Math.max(this.#touchedAt, this.#bumpedAt);
    if (mayReload({ openTickets: this.openCount, unsent: this.outbox.current.length, quietMs }))
      this.env.offlineStart.update();
  }
}
