/** The outbox in memory: rows by key, each record's chain, and the choices about each conflict. */
import { conflicts } from "@tillwire/protocol/conflicts";
import { recordKey, type OutboxRow } from "./outbox.ts";

const NO_ROWS: readonly OutboxRow[] = [];

/** Every change adds the record that it concerns, and the conflict that it settles, to `touched`. */
export class OutboxView {
  readonly #rows = new Map<number, OutboxRow>();
  readonly #chains = new Map<string, readonly OutboxRow[]>();
  /** Keys of the rows that settle a conflict, by its localId. */
  readonly #choices = new Map<string, Set<number>>();
  #pending = 0;
  /** Null: it is to be put in order anew. */
  #sorted: readonly OutboxRow[] | null = NO_ROWS;

  row(key: number): OutboxRow | undefined {
    return this.#rows.get(key);
  }
  /** In the order of the keys; the same array as long as nothing changes. */
  all(): readonly OutboxRow[] {
    return (this.#sorted ??= [...this.#rows.values()].sort((a, b) => a.key - b.key));
  }
  /** How many wait for the server's word. */
  get pending(): number {
    return this.#pending;
  }
  chain(record: string): readonly OutboxRow[] {
    return this.#chains.get(record) ?? NO_ROWS;
  }
  records(): Iterable<string> {
    return this.#chains.keys();
  }

  /** Rows by which a person settles the conflict, rejected ones left out. */
  choices(conflictId: string): OutboxRow[] {
    const rows = [...(this.#choices.get(conflictId) ?? [])].map((key) => this.#rows.get(key)!);
    return rows.filter((row) => row.state !== "rejected");
  }

  take(row: OutboxRow, touched: Set<string>): void {
    const before = this.#rows.get(row.key);
    if (before) this.#chosen(before, "gone", touched);
    this.#chosen(row, "waits", touched);
    const record = recordKey(row.collection, row.localId);
    const others = this.chain(record).filter((other) => other.key !== row.key);
    this.#chains.set(
      record,
      [...others, row].sort((a, b) => a.key - b.key),
    );
    this.#rows.set(row.key, row);
    this.#sorted = null;
    this.#pending += waiting(row) - (before ? waiting(before) : 0);
    touched.add(record);
  }

  drop(key: number, touched: Set<string>): void {
    const row = this.#rows.get(key);
    if (!row) return;
    this.#chosen(row, "gone", touched);
    const record = recordKey(row.collection, row.localId);
    const others = this.chain(record).filter((other) => other.key !== key);
    if (others.length > 0) this.#chains.set(record, others);
    else this.#chains.delete(record);
    this.#rows.delete(key);
    this.#sorted = null;
    this.#pending -= waiting(row);
    touched.add(record);
  }

  #chosen({ key, resolves }: OutboxRow, what: "waits" | "gone", touched: Set<string>): void {
    if (resolves === undefined) return;
    const keys = this.#choices.get(resolves) ?? new Set();
    if (what === "waits") this.#choices.set(resolves, keys.add(key));
    else if (keys.delete(key) && keys.size === 0) this.#choices.delete(resolves);
    touched.add(recordKey(conflicts.name, resolves));
  }

  replace(rows: readonly OutboxRow[], touched: Set<string>): void {
    const keys = new Set(rows.map((row) => row.key));
    for (const key of [...this.#rows.keys()]) if (!keys.has(key)) this.drop(key, touched);
    for (const row of rows) if (this.#rows.get(row.key) !== row) this.take(row, touched);
  }
}

function waiting({ state }: OutboxRow): number {
  return state === "rejected" ? 0 : 1;
}
