/** Numbered pictures of one scenario, in the order in which they were taken. */
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";

const screenshots = resolve(import.meta.dirname, "../../../test-output/screenshots");

export class Album {
  readonly #directory: string;
  #taken = 0;

  /** Below `test-output/screenshots`. */
  constructor(name: string) {
    this.#directory = join(screenshots, name);
  }

  /** `<directory>/NN-<name>.png` */
  async take(page: Page, name: string): Promise<void> {
    const number = String(++this.#taken).padStart(2, "0");
    await page.screenshot({ path: join(this.#directory, `${number}-${name}.png`), animations: "disabled" });
  }
}
