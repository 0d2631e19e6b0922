/** A kitchen board as people see it: enrolled by its link, bumped by taps and keys. */
import type { BrowserContext, Locator, Page } from "playwright-core";
import { newCode } from "./register.ts";
import type { ServerProcess } from "./server-process.ts";

export class Board {
  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
  ) {}

  static async enrolled(context: BrowserContext, server: ServerProcess, name: string): Promise<Board> {
    const page = context.pages()[0] ?? (await context.newPage());
    const board = new Board(page, context);
    await page.goto(`/display#enrol=${await newCode(server, name, "display")}`);
    await board.is("live");
    return board;
  }

  /** Waits until the board says so of itself. */
  async is(kind: "live" | "stale" | "catching up" | "paused", timeout = 30_000): Promise<void> {
    await this.page.waitForSelector(`[data-testid="freshness"][data-kind="${kind}"]`, { timeout });
  }

  ticket(number: string): Locator {
    return this.page.locator(`[data-testid="ticket"][data-number="${number}"]`);
  }

  async shows(number: string, state: "new" | "preparing" | "ready", timeout = 10_000): Promise<void> {
    await this.page
      .locator(`[data-testid="column-${state}"] [data-testid="ticket"][data-number="${number}"]`)
      .waitFor({ timeout });
  }

  async showsNot(number: string): Promise<void> {
    await this.ticket(number).waitFor({ state: "detached", timeout: 10_000 });
  }

  async bump(number: string): Promise<void> {
    const before = await this.ticket(number).getAttribute("data-state");
    await this.ticket(number).getByTestId("bump").click();
    await this.page.waitForFunction(
      ([id, state]) =>
        document.querySelector(`[data-testid="ticket"][data-number="${id}"]`)?.getAttribute("data-state") !== state,
      [number, before],
    );
    await this.settled();
  }

  /** A second tap would be taken for a nervous finger's. */
  async settled(): Promise<void> {
    await this.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 360)));
  }
}
