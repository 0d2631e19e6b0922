/** Seeded chance: one seed, any number of independent streams, each named for what it decides. */
export class Random {
  #state: number;

  constructor(
    private readonly seed: number,
    private readonly name = "",
  ) {
    this.#state = mix(seed, name);
  }

  /** Another stream; what is drawn from it changes nothing for this one. */
  stream(name: string): Random {
    return new Random(this.seed, `${this.name}/${name}`);
  }

  /** In [0, 1). mulberry32 (Tommy Ettinger): a full period of 2^32 is enough for minutes. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)]!;
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.int(0, 255));
  }
  /** Mostly small, now and then large: delays of real networks look like this. */
  longTailed(typical: number, longest: number): number {
    return this.chance(0.05) ? this.int(typical, longest) : this.int(1, typical);
  }
}

/** FNV-1a over the name, and a finalizer that spreads the seed. */
function mix(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
