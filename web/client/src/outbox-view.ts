/** The outbox in memory: rows by key, and each record's chain. */
import { recordKey, type OutboxRow } from "./outbox.ts";

const NO_ROWS: readonly OutboxRow[] = [];

/** Every change adds the record that it concerns to `touched`. */
export class OutboxView {
  readonly #rows = new Map<number, OutboxRow>();
  readonly #chains = new Map<string, readonly OutboxRow[]>();

  row(key: number): OutboxRow | undefined {
    return this.#rows.get(key);
  }
  /** In the order of the keys. */
  all(): OutboxRow[] {
    return [...this.#rows.values()].sort((a, b) => a.key - b.key);
  }
  get hasPending(): boolean {
    for (const row of this.#rows.values()) if (row.state !== "rejected") return true;
    return false;
  }
  chain(record: string): readonly OutboxRow[] {
    return this.#chains.get(record) ?? NO_ROWS;
  }
  records(): Iterable<string> {
    return this.#chains.keys();
  }

  take(row: OutboxRow, touched: Set<string>): void {
    const record = recordKey(row.collection, row.localId);
    const others = this.chain(record).filter((other) => other.key !== row.key);
    this.#chains.set(
      record,
      [...others, row].sort((a, b) => a.key - b.key),
    );
    this.#rows.set(row.key, row);
    touched.add(record);
  }

  drop(key: number, touched: Set<string>): void {
    const row = this.#rows.get(key);
    if (!row) return;
    const record = recordKey(row.collection, row.localId);
    const others = this.chain(record).filter((other) => other.key !== key);
    if (others.length > 0) this.#chains.set(record, others);
    else this.#chains.delete(record);
    this.#rows.delete(key);
    touched.add(record);
  }

  replace(rows: readonly OutboxRow[], touched: Set<string>): void {
    const keys = new Set(rows.map((row) => row.key));
    for (const key of [...this.#rows.keys()]) if (!keys.has(key)) this.drop(key, touched);
    for (const row of rows) if (this.#rows.get(row.key) !== row) this.take(row, touched);
  }
}
