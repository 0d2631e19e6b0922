/**
 * Rows in PostgreSQL's COPY text: one a line, with line ends inside of values escaped, so that no row is ever the line `\.`, which ends a
 * table. They are counted and summed up in an order-free digest: a database gives back its rows in whatever order they lie.
 */
import { createHash } from "node:crypto";
import { formatDigest } from "@tillwire/protocol/digest";

const LINE_END = 10;
const MASK = (1n << 64n) - 1n;

/** How many rows, and the sum modulo 2^64 of the first 8 bytes of each row's SHA-256, as 16 hex digits. */
export interface RowTotals {
  readonly rows: number;
  readonly digest: string;
}

export class RowSum {
  #rows = 0;
  #sum = 0n;

  /** @param line without its line end */
  add(line: Uint8Array): void {
    this.#rows += 1;
    this.#sum = (this.#sum + createHash("sha256").update(line).digest().readBigUInt64BE()) & MASK;
  }

  get totals(): RowTotals {
    return { rows: this.#rows, digest: formatDigest(this.#sum) };
  }
}

/** Cuts bytes that come in pieces into lines. */
export class Lines {
  #rest: Buffer = Buffer.alloc(0);

  /** The lines, without their ends, that are complete now. */
  *push(piece: Uint8Array): Generator<Buffer> {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : Buffer.from(piece);
    let start = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
  }

  /** Bytes of a line that has not ended. */
  get unfinished(): number {
    return this.#rest.length;
  }
}

/** @param source COPY text, in whatever pieces */
export async function totalsOf(source: AsyncIterable<Uint8Array>): Promise<RowTotals> {
  const lines = new Lines();
  const sum = new RowSum();
  for await (const piece of source) for (const line of lines.push(piece)) sum.add(line);
  return sum.totals;
}
