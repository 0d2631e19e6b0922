/** Selling with everything that a counter asks for: options, discounts, payment in parts, held orders, scanners. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { seriousFindings } from "./support/axe.ts";
import { launchBrowser, newDevice, SCREENS } from "./support/browser.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
});
// a device that nobody needs any more would go on showing what the others do
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

async function register(name: string): Promise<Register> {
  return Register.enrolled(await newDevice(browser, { baseURL: server.url, reducedMotion: true }), server, name);
}
/** As a scanner does: keys in a burst, wherever the focus is. */
async function scan({ page }: Register, code: string): Promise<void> {
  await page.evaluate((typed) => {
    for (const key of [...typed, "Enter"])
      (document.activeElement ?? document.body).dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
      );
  }, code);
}
async function look(till: Register, name: string): Promise<void> {
  expect(await seriousFindings(till.page)).toEqual([]);
  await till.page.screenshot({ path: `test-output/screenshots/selling-${name}.png`, animations: "disabled" });
}
interface Sold {
  readonly data: Record<string, unknown>;
}
async function recordsOf(collection: string, number: string): Promise<Sold["data"][]> {
  const rows = await database.sql<Sold[]>`
    select data from records where collection = ${collection} and data->>'orderNumber' = ${number} order by local_id`;
  return rows.map(({ data }) => data);
}

describe("selling", () => {
  test("options, discounts and notes of lines and orders, paid in parts: one order, a transaction for each part", async () => {
    const till = await register("Options");
    const { page } = till;
    const id = (testid: string) => page.getByTestId(testid);
    await id("product-search").fill("capucino");
    await id("product-cappuccino").click();
    await id("variation-large").click();
    await id("option-oat").click();
    await look(till, "options");
    await id("options-add").click();
    await id("product-search").fill("");
    await till.product(0).click();
    await id("line-edit").first().click();
    await page.getByTestId("line-editor").getByRole("button", { name: "2", exact: true }).click();
    await id("line-discount").click();
    for (const digit of ["1", "0"]) await page.keyboard.press(digit);
    await id("line-note").fill("extra hot");
    await look(till, "line");
    await id("line-done").click();
    await id("order-details-open").click();
    await id("order-customer").fill("Ann");
    await look(till, "details");
    await id("order-details-done").click();
    await look(till, "cart");
    await id("pay").click();
    await id("pay-gift-card").click();
    await id("pay-partly").click();
    for (const digit of ["5", "0", "0"]) await page.keyboard.press(digit);
    await id("pay-confirm").click();
    await id("payment-part").waitFor();
    await look(till, "pay-parts");
    await page.setViewportSize(SCREENS.tablet);
    const zero = await id("pay-dialog").getByRole("button", { name: "00", exact: true }).boundingBox();
    const confirm = await id("pay-confirm").boundingBox();
    expect(zero!.y + zero!.height, "the whole keypad is in sight").toBeLessThanOrEqual(confirm!.y);
    await page.setViewportSize(SCREENS.desktop);
    for (const digit of ["5", "0", "00"]) for (const key of digit) await page.keyboard.press(key);
    await id("pay-confirm").click();
    await id("change-due").waitFor();
    await look(till, "saved");
    const number = (await id("saved").getAttribute("data-order-number"))!;
    await expect.poll(() => recordsOf("transactions", number)).toHaveLength(2);
    const [order] = await recordsOf("orders", number);
    // 2 x (4.50 + 0.50) less 10 %, and a banana bread
    expect(order).toMatchObject({ total: 12.3, customerName: "Ann", paymentMethod: "OTHER", taxMode: "inclusive" });
    expect((order?.["items"] as unknown[])[0]).toMatchObject({
      ...{ quantity: 2, discount: 1, discountPercent: 10, notes: "extra hot" },
      ...{ variation: { name: "Large" }, modifiers: [{ name: "Oat milk", price: 0.5 }] },
    });
    expect(order?.["payments"]).toMatchObject([
      { method: "GIFT_CARD", amount: 5 },
      { method: "CASH", amount: 7.3, given: 50 },
    ]);
    const sales = await recordsOf("transactions", number);
    expect(sales.map(({ amount }) => amount).sort()).toEqual([5, 7.3]);
    const [ticket] = await recordsOf("tickets", number);
    expect((ticket?.["lines"] as unknown[])[0]).toMatchObject({ details: ["Large", "Oat milk"], notes: "extra hot" });
  });

  test("on a phone the cart opens over the catalogue, and its lines and the order over it", async () => {
    const context = await newDevice(browser, {
      ...{ baseURL: server.url, screen: "phone", reducedMotion: true },
    });
    const till = await Register.enrolled(context, server, "Phone");
    const id = (testid: string) => till.page.getByTestId(testid);
    await id("product-search").fill("flat white");
    await id("product-flat-white").click();
    await id("option-oat").click();
    await look(till, "options-phone");
    await id("options-add").click();
    await id("cart-open").click();
    await id("line-edit").click();
    await look(till, "line-phone");
    await id("line-quantity").click();
    await id("line-editor").getByRole("button", { name: "3", exact: true }).click();
    await id("line-done").click();
    await id("order-details-open").click();
    await look(till, "details-phone");
    await id("discount-amount").last().click({ force: true });
    await id("order-details").getByRole("button", { name: "1", exact: true }).click();
    await id("order-details").getByRole("button", { name: "00", exact: true }).click();
    await id("order-details-done").click();
    // 3 x (4.20 + 0.50) less 1.00
    await expect.poll(() => id("cart-total").textContent()).toContain("13.10");
    await look(till, "cart-phone");
    await id("pay").click();
    await id("pay-confirm").waitFor();
    await look(till, "pay-phone");
    await id("pay-confirm").click();
    await id("saved").waitFor();
  });

  test("a scanner needs no focus: known codes are sold, unknown ones said, and no button is pressed", async () => {
    const till = await register("Scanner");
    const { page } = till;
    await page.getByTestId("product-search").fill("tea");
    await scan(till, "ESPRESSO");
    await scan(till, "ESPRESSO");
    const line = page.getByTestId("cart-line");
    await expect.poll(() => line.count()).toBe(1);
    expect(await line.textContent()).toContain("Espresso");
    expect(await page.getByTestId("product-search").inputValue()).toBe("tea");
    await scan(till, "99999999");
    await expect.poll(() => page.getByTestId("toast").textContent()).toContain("99999999");
    await page.getByTestId("pay").click();
    await page.getByTestId("pay-confirm").waitFor();
    await scan(till, "ESPRESSO");
    expect(await page.getByTestId("saved").count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.getByTestId("clear-cart").click();
    await expect.poll(() => line.count()).toBe(0);
    await page.getByTestId("toast-action").click();
    await expect.poll(() => line.count()).toBe(1);
  });

  test("S9: money that was taken for one sale is asked about, and pays for no other", async () => {
    const till = await register("Taken");
    const id = (testid: string) => till.page.getByTestId(testid);
    await till.product(0).click();
    await id("keep-open").click();
    await expect.poll(() => id("cart-line").count()).toBe(0);
    await till.product(1).click();
    await id("pay").click();
    await id("pay-confirm").waitFor();
    await till.page.keyboard.press("0");
    expect(await id("pay-confirm").isDisabled()).toBe(true);
    for (const digit of ["1", "0", "0"]) await till.page.keyboard.press(digit);
    await id("pay-confirm").click();
    await expect.poll(() => id("payment-part").count()).toBe(1);
    await till.page.keyboard.press("Escape");
    await till.goTo("orders");
    await id("orders-open").click();
    await id("order-row").first().click();
    await id("order-pay").click();
    expect(await till.page.getByRole("alertdialog").textContent()).toContain("1.00 was already taken");
    await id("replace-cart-confirm").click();
    await id("pay-confirm").waitFor();
    expect(await id("payment-part").count()).toBe(0);
    await id("pay-confirm").click();
    const number = (await id("saved").getAttribute("data-order-number"))!;
    await expect.poll(() => recordsOf("transactions", number)).toMatchObject([{ type: "SALE" }]);
  });

  test("S2: a cart that was paid is no sale any more, after a reload or in a copy of its tab", async () => {
    const till = await register("Copied tab");
    const { page, context } = till;
    await till.product(0).click();
    const cart = await page.evaluate(() => sessionStorage.getItem("tillwire.cart")!);
    const withCart = async (tab: typeof page) => {
      await tab.evaluate((text) => sessionStorage.setItem("tillwire.cart", text), cart);
      await tab.reload();
    };
    const copy = await context.newPage();
    await copy.goto("/");
    await withCart(copy);
    await copy.getByTestId("cart-line").waitFor();
    await page.getByTestId("pay").click();
    await page.getByTestId("pay-confirm").click();
    const number = (await page.getByTestId("saved").getAttribute("data-order-number"))!;
    await withCart(page); // as if it had crashed before the cart was emptied
    for (const tab of [copy, page]) {
      await expect.poll(() => tab.getByTestId("toast").textContent()).toContain(number);
      expect(await tab.getByTestId("cart-line").count()).toBe(0);
    }
    expect(await page.evaluate(() => sessionStorage.getItem("tillwire.cart"))).toBeNull();
  });

  test("a product is made a favourite on one register, and is one on the other", async () => {
    const [a, b] = [await register("Stars A"), await register("Stars B")];
    await a.page.getByTestId("product-cookie").click({ button: "right" });
    await a.page.getByTestId("favourite").click();
    await b.page.getByRole("radio", { name: "Favourites" }).click();
    await b.page.getByTestId("product-cookie").waitFor();
    await look(b, "favourites");
  });

  test("an open order in a cart is taken over by another register, and its holder sees so at once", async () => {
    const [a, b] = [await register("Holder A"), await register("Holder B")];
    await a.product(0).click();
    await a.page.getByTestId("keep-open").click();
    for (const till of [a, b]) {
      await till.goTo("orders");
      await till.page.getByTestId("orders-open").click();
      await till.page.getByTestId("order-row").first().click();
      await till.page.getByTestId("order-edit").click();
      if (till === b) break;
      await till.page.getByTestId("cart-line").waitFor();
      await expect
        .poll(
          () =>
            database.sql`select data->'holder'->>'name' as name from records where collection = 'orders' and data->'holder' is not null and data->'holder' <> 'null'`,
        )
        .toEqual([{ name: "Holder A" }]);
    }
    await b.page.getByTestId("take-over-confirm").click();
    await a.page.getByTestId("taken-over").waitFor();
    await look(a, "taken-over");
    await a.page.getByTestId("leave-order").click();
    await b.page.getByTestId("cancel-opened").click();
    await b.page.getByTestId("cancel-opened-confirm").click();
    await expect
      .poll(
        () =>
          database.sql`select data->'cancelledBy'->>'name' as name, data->'holder' as holder from records where collection = 'orders' and data->>'orderStatus' = 'CANCELLED'`,
      )
      .toEqual([{ name: "Holder B", holder: null }]);
  });
});
