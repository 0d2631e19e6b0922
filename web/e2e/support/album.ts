/** Numbered pictures of one scenario, in the order in which they were taken. */
import type { Page } from "playwright-core";
import { screenshotAll } from "./browser.ts";

export class Album {
  readonly #name: string;
  #taken = 0;

  /** @param name the directory below `test-output/screenshots` */
  constructor(name: string) {
    this.#name = name;
  }

  /** `<directory>/NN-<name>.png`, or all that screenshotAll takes */
  async take(page: Page, name: string): Promise<void> {
    const number = String(++this.#taken).padStart(2, "0");
    await screenshotAll(page, `${this.#name}/${number}-${name}`);
  }
}
