/** Tells a barcode scanner from a person: it types a whole code within a blink, and ends it with Enter. */

/** People need longer between two keys; scanners, even slow ones by radio, do not. */
const MOST_BETWEEN_KEYS_MS = 50;
/** The shortest codes that shops print themselves. */
const SHORTEST = 4;

export class ScanReader {
  #typed = "";
  #at = Number.NEGATIVE_INFINITY;

  /**
   * @param key `KeyboardEvent.key`
   * @param at ms, by when the key was pressed rather than when the page came to look at it: `KeyboardEvent.timeStamp`
   * @returns the code, once it is complete
   */
  press(key: string, at: number): string | null {
    // Shift and the like are part of a letter
    if (key.length > 1 && key !== "Enter") return null;
    const inTime = at - this.#at <= MOST_BETWEEN_KEYS_MS;
    this.#at = at;
    if (key !== "Enter") {
      this.#typed = inTime ? this.#typed + key : key;
      return null;
    }
    const code = this.#typed;
    this.#typed = "";
    return inTime && code.length >= SHORTEST ? code : null;
  }

  /** The next key begins a code, if there is one: nothing was typed in time before. */
  isFresh(at: number): boolean {
    return this.#typed === "" || at - this.#at > MOST_BETWEEN_KEYS_MS;
  }
}
