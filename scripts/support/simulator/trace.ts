/** What happened in a run, as lines; and a digest of all of them, by which two runs of a seed are compared. */
export class Trace {
  #digest = 0xcbf29ce4;
  #second = 0x84222325;
  count = 0;
  readonly lines: string[] = [];

  constructor(
    private readonly now: () => number,
    private readonly startedAt: number,
    /** Whether lines are kept to be read, or counted only. */
    private readonly keeps: boolean,
  ) {}

  add(who: string, what: string): void {
    this.count += 1;
    const line = `${this.now() - this.startedAt} ${who} ${what}`;
    this.#hash(line);
    if (this.keeps) this.lines.push(line.length > 3000 ? `${line.slice(0, 3000)}...` : line);
  }

  get digest(): string {
    return [this.#digest, this.#second].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #hash(line: string): void {
    let [a, b] = [this.#digest, this.#second];
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b + code, 0x85ebca6b) ^ (b >>> 15);
    }
    this.#digest = a;
    this.#second = b;
  }
}
