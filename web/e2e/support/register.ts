/** A register as a person uses it: enrolled by its link, driven by taps. */
import type { BrowserContext, Page } from "playwright-core";
import type { ServerProcess } from "./server-process.ts";

export async function newCode(server: ServerProcess, name: string, role = "register"): Promise<string> {
  const response = await fetch(`${server.url}/api/admin/enrolments`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ name, role }),
  });
  if (!response.ok) throw new Error(`no enrolment: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { code: string }).code;
}

export class Register {
  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
  ) {}

  /** Opens the link that carries a new code. */
  static async enrolled(context: BrowserContext, server: ServerProcess, name: string): Promise<Register> {
    const page = context.pages()[0] ?? (await context.newPage());
    const register = new Register(page, context);
    await page.goto(`/#enrol=${await newCode(server, name)}`);
    await register.badge("live");
    await page
      .getByTestId(/^product-(?!search)/)
      .first()
      .waitFor();
    return register;
  }

  async badge(...states: string[]): Promise<void> {
    const selector = states.map((state) => `[data-testid="sync-badge"][data-state="${state}"]`).join(", ");
    await this.page.waitForSelector(selector, { timeout: 30_000 });
  }

  async badgeText(): Promise<string> {
    return (await this.page.getByTestId("sync-badge").textContent())?.trim() ?? "";
  }

  product(index: number) {
    return this.page.getByTestId(/^product-(?!search)/).nth(index);
  }

  async goTo(place: "sell" | "orders"): Promise<void> {
    await this.page.getByTestId(`nav-${place}`).click();
  }

  /** Sells the products at these places for cash, until the screen says that it is saved. @returns the order's number */
  async sell(...products: number[]): Promise<string> {
    for (const index of products) await this.product(index).click();
    await this.page.getByTestId("pay").click();
    await this.page.getByTestId("pay-confirm").click();
    const saved = this.page.getByTestId("saved");
    await saved.waitFor();
    const number = (await saved.getAttribute("data-order-number"))!;
    await this.page.getByTestId("new-sale").click();
    await saved.waitFor({ state: "detached" });
    return number;
  }

  order(number: string) {
    return this.page.locator(`[data-testid="order-row"][data-order-number="${number}"]`);
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
