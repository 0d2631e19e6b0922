/** What all devices of a load test have seen together. */
import type { LoadTransport } from "./load-link.ts";

export interface Tally {
  /** Of the order numbers of this run: what earlier runs sold is in the feed as well. */
  readonly prefix: string;
  /** ms from sale to acknowledgement. */
  readonly acknowledged: Sample;
  /** ms from sale to arrival at any device, by how that device is linked. */
  readonly arrived: Map<LoadTransport, Sample>;
  /** Moments of sales, and of acknowledgements. */
  readonly soldAt: number[];
  readonly moments: number[];
  readonly acknowledgedIds: Set<string>;
  /** Arrivals at all devices together, each sale once a device. */
  arrivals: number;
  readonly errors: Map<string, number>;
  conflicts: number;
  bytes: number;
  reconnects: number;
}

export function newTally(prefix: string): Tally {
  return {
    ...{ prefix, acknowledged: new Sample(), arrived: new Map(), soldAt: [], moments: [] },
    ...{ acknowledgedIds: new Set(), arrivals: 0, errors: new Map(), conflicts: 0, bytes: 0, reconnects: 0 },
  };
}

export function countError({ errors }: Tally, code: string): void {
  errors.set(code, (errors.get(code) ?? 0) + 1);
}

const MOST = 200_000;

/** Of ever so many values, so many that each had the same chance to be among them (reservoir sampling, algorithm R). */
export class Sample {
  readonly values: number[] = [];
  #seen = 0;

  add(value: number): void {
    this.#seen += 1;
    if (this.values.length < MOST) this.values.push(value);
    else {
      const place = Math.floor(Math.random() * this.#seen);
      if (place < MOST) this.values[place] = value;
    }
  }
}
