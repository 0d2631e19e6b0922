/** What people do at the registers of a shop that speaks German, a step at a time. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { newDevice, type DeviceOptions } from "./browser.ts";
import { newCode, Register } from "./register.ts";
import type { ServerProcess } from "./server-process.ts";

/** A device of a shop: no motion, and steps that hang are seen soon. */
export async function shopDevice(browser: Browser, options: DeviceOptions): Promise<BrowserContext> {
  const context = await newDevice(browser, { reducedMotion: true, ...options });
  context.setDefaultTimeout(15_000);
  return context;
}

/** Types a new code into a browser that nobody has opened yet. Ends at the lock screen, or ready to sell. */
export async function enrolledByHand(context: BrowserContext, server: ServerProcess, name: string): Promise<Register> {
  const page = await context.newPage();
  await page.goto("/");
  await page.getByTestId("enrol-code").fill(await newCode(server, name));
  await page.getByTestId("enrol-submit").click();
  await page.locator('[data-testid="lock-screen"], [data-testid="sync-badge"]').first().waitFor();
  return new Register(page, context);
}

export async function customerDisplay(
  context: BrowserContext,
  server: ServerProcess,
  registerName: string,
): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`/display?mode=customer#enrol=${await newCode(server, `Kunde ${registerName}`, "display")}`);
  await page.getByTestId("register-choice").filter({ hasText: registerName }).click();
  await customerSees(page, "idle");
  return page;
}

export async function customerSees(page: Page, state: "idle" | "selling" | "paying" | "paid"): Promise<void> {
  await page.waitForSelector(`[data-testid="customer"][data-state="${state}"][data-trust="live"]`);
}

export const go = ({ page }: Register, place: "sell" | "orders" | "shift" | "settings") =>
  page.getByTestId(`nav-${place}`).click();

/** As fast as people are; faster is a barcode scanner. */
export async function typePin({ page }: Register, pin: string): Promise<void> {
  await page.keyboard.type(pin, { delay: 70 });
  await page.keyboard.press("Enter");
}

export async function givePin({ page }: Register, name: string, pin: string): Promise<void> {
  await page.locator(`[data-testid="staff-row"][data-name="${name}"]`).getByTestId("staff-edit").click();
  await page.getByTestId("staff-edit-pin").fill(pin);
  await page.getByTestId("staff-save").click();
  await page.getByTestId("staff-dialog").waitFor({ state: "detached" });
}

export async function signIn(register: Register, name: string, pin: string): Promise<void> {
  await register.page.getByTestId("staff-name").filter({ hasText: name }).click();
  await typePin(register, pin);
  await register.page.getByTestId("lock-screen").waitFor({ state: "detached" });
}

export async function openShift(register: Register, float: string): Promise<void> {
  await go(register, "shift");
  await register.page.getByTestId("float").fill(float);
  await register.page.getByTestId("open-shift").click();
  await register.page.getByTestId("close-shift").waitFor();
}

export async function moveCash(
  { page }: Register,
  kind: "cash-in" | "cash-out",
  amount: string,
  reason: string,
): Promise<void> {
  await page.getByTestId(kind).click();
  await page.getByTestId("cash-amount").fill(amount);
  await page.getByTestId("cash-reason").fill(reason);
  await page.getByTestId("cash-save").click();
  await page.getByTestId("cash-dialog").waitFor({ state: "detached" });
}

/** Sells these products, exactly paid. @returns the order's number */
export async function sellNow(register: Register, products: readonly string[], method = "pay-cash"): Promise<string> {
  for (const product of products) await register.page.getByTestId(`product-${product}`).click();
  return payNow(register, method);
}

/** Pays what is in the cart, exactly. @returns the order's number */
export async function payNow({ page }: Register, method = "pay-cash"): Promise<string> {
  await page.getByTestId("pay").click();
  await page.getByTestId(method).click();
  await page.getByTestId("pay-confirm").click();
  const saved = page.getByTestId("saved");
  const number = (await saved.getAttribute("data-order-number"))!;
  await page.getByTestId("new-sale").click();
  await saved.waitFor({ state: "detached" });
  return number;
}

/** Shop's settings: in German from now on, on every device. */
export async function makeGerman({ page }: Register, name: string, header: string): Promise<void> {
  await page.getByTestId("shop-name").fill(name);
  await page.getByTestId("shop-language").selectOption("de");
  await page.getByTestId("shop-header").fill(header);
  await page.getByTestId("shop-save").click();
  await page.locator('html[lang="de"]').waitFor();
}
