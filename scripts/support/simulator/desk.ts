/** What somebody at a register has at hand: the replica's records, and the ways to change them. What was saved the model is told. */
import type { Replica, ReplicaRecord } from "@tillwire/client/api";
import type { Collection } from "@tillwire/protocol/collection";
import type { Base } from "@tillwire/protocol/messages";
import type { Coverage } from "./coverage.ts";
import type { Machine } from "./machine.ts";
import type { Model } from "./model.ts";
import { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { Edits, Note } from "./shop.ts";
import type { Step } from "./steps.ts";

export interface PeopleHost {
  readonly schedule: Schedule;
  readonly model: Model;
  readonly coverage: Coverage;
  /** Everybody has gone home. */
  readonly isClosed: boolean;
  violated(invariant: string, what: string, details?: unknown): void;
}

type Edited = { readonly edits?: Edits };

/** Of one person, for one deed. */
export class Desk {
  readonly random: Random;

  constructor(
    readonly host: PeopleHost,
    readonly machine: Machine,
    readonly replica: Replica,
    readonly step: Step,
  ) {
    this.random = new Random(Math.floor(step.x * 2 ** 31), "deed");
  }

  /** The value with this machine's next edit in it. */
  stamped<T extends Edited>(data: T): { data: T; edit: number } {
    const edit = (this.machine.edits += 1);
    return { edit, data: { ...data, edits: { ...data.edits, [this.machine.name]: edit } } };
  }

  saved(collection: string, localId: string, edit: number, deleted = false): void {
    const { deviceId } = this.replica.identity;
    this.host.model.savedEdit({ machine: this.machine.name, deviceId, collection, localId, edit, deleted });
  }

  async save<T extends Edited & { readonly id: string }>(
    collection: Collection<T>,
    value: T,
    read: { readonly localId: string; readonly readAt?: Base } = { localId: value.id },
  ): Promise<void> {
    const { data, edit } = this.stamped(value);
    const { localId, readAt } = read;
    await this.replica.collection(collection).put(data, readAt ? { localId, readAt } : { localId });
    this.saved(collection.name, localId, edit);
  }

  async edit<T extends Edited & { readonly id: string }>(
    collection: Collection<T>,
    change: (data: T) => T,
  ): Promise<void> {
    const record = await this.#pick(collection);
    if (!record) return;
    await this.save(collection, change(record.data), record);
  }

  /** A form that is open for a while: the edit is made on what was seen when it was opened. */
  async editLater<T extends Edited & { readonly id: string }>(
    collection: Collection<T>,
    change: (data: T) => T,
  ): Promise<void> {
    const record = await this.#pick(collection);
    if (!record) return;
    await this.host.schedule.delay(this.step.forMs);
    if (this.host.isClosed) return;
    await this.save(collection, change(record.data), record);
  }

  async delete<T extends Edited>(collection: Collection<T>): Promise<void> {
    const record = await this.#pick(collection);
    if (!record) return;
    const edit = (this.machine.edits += 1);
    this.host.model.deleting(this.machine.name, collection.name, record.localId);
    await this.replica.collection(collection).delete(record.localId);
    this.saved(collection.name, record.localId, edit, true);
  }

  rewritten(note: Note): Note {
    const { int, chance } = { int: this.random.int(0, 99), chance: this.random.chance(0.5) };
    if (this.random.chance(0.05)) return { ...note, final: true };
    return chance ? { ...note, text: `text ${int}` } : { ...note, color: `color ${int}` };
  }

  async #pick<T extends object>(collection: Collection<T>): Promise<ReplicaRecord<T> | undefined> {
    const records = await this.replica.collection(collection).query();
    if (records.length === 0) return undefined;
    // Mostly what was touched lately: that is what people fight over.
    const byTime = records.sort((a, b) => b.updatedAt - a.updatedAt || (a.localId < b.localId ? -1 : 1));
    return byTime[Math.floor(this.random.next() ** 2 * byTime.length)];
  }
}
