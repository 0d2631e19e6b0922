import { describe, expect, test } from "vitest";
import type { Order } from "@tillwire/protocol/pos/orders";
import { orderTotals } from "@tillwire/protocol/pos/totals";
import { orders as german } from "../../messages/de/orders.ts";
import { line, order } from "../../testing/conflict-fixtures.ts";
import { textsFrom } from "../../testing/texts.ts";
import { latestRefund, refundedOrder } from "../orders/refund.ts";
import { escPosOf } from "./escpos.ts";
import { readPrinterSettings, writePrinterSettings } from "./printer-settings.ts";
import { Printers, type PrinterPorts } from "./printers.ts";
import { receiptOf, type ReceiptInput, type ReceiptWords } from "./receipt-model.ts";

const words: ReceiptWords = {
  texts: textsFrom(german, "de").receipt,
  methods: { CASH: "Bar", CARD: "Karte", MOBILE: "Mobil", GIFT_CARD: "Gutschein", OTHER: "Sonstige" },
  money: (amount) => `${amount.toFixed(2)}\u00a0€`,
  percent: (fraction) => `${fraction * 100} %`,
  dateTime: () => "3. März",
};
const items = [
  line("i1", "Latte", 2, 4, { notes: "heiß", modifiers: [{ name: "Hafer", price: 0.5 }], discount: 1 }),
  { ...line("i2", "Brot", 1, 3), product: { id: "b", name: "Brot", price: 3, taxRate: 0.1 } },
];
const paid: Order = order({
  ...{
    items,
    ...orderTotals(items, 1, "inclusive"),
    taxMode: "inclusive",
    tip: 1,
    userName: "Ana",
    notes: "Tisch am Fenster",
  },
  ...{ paymentStatus: "PAID", orderStatus: "COMPLETED", paymentMethod: "OTHER" },
  payments: [
    { id: "t1", method: "CARD", amount: 5 },
    { id: "t2", method: "CASH", amount: 6, given: 10 },
  ],
});
const shop = { receiptHeader: ["Hafen", "Kai 3"], receiptFooter: ["Danke!"], taxMode: "inclusive" as const };
const input: ReceiptInput = { order: paid, refund: null, shop, shopName: "Hafen", isCopy: false, isOnServer: true };
const flat = (rows: readonly { label: string; value: string }[]) =>
  rows.map(({ label, value }) => `${label} ${value}`.replace(/\u00a0/g, " "));

describe("a receipt says", () => {
  const model = receiptOf(input, words);
  test("who sold what, with all that makes its price", () => {
    expect(model).toMatchObject({ header: ["Kai 3"], footer: ["Danke!"], marks: [], remarks: ["Tisch am Fenster"] });
    expect(model.lines[0]).toEqual({
      quantity: 2,
      name: "Latte",
      details: ["Hafer", "heiß", "Rabatt −1.00\u00a0€"],
      amount: "8.00\u00a0€",
    });
    expect(flat(model.facts)).toContain("Es bediente Sie Ana");
  });
  test("sums, tip, and each part of the payment with its change", () => {
    expect(flat(model.sums)).toEqual(["Zwischensumme 11.00 €", "Rabatt −1.00 €", "Summe 10.00 €", "Trinkgeld 1.00 €"]);
    expect(flat(model.payments)).toEqual(["Karte 5.00 €", "Bar 6.00 €", "Gegeben 10.00 €", "Rückgeld 4.00 €"]);
  });
  test("the taxes by rate, which add up to the order's", () => {
    const [heading, ...rows] = model.taxes;
    expect(heading).toEqual(["Satz", "Netto", "MwSt.", "Brutto"]);
    expect(rows.map(([rate]) => rate)).toEqual(["10 %", "20 %"]);
    const sum = (column: 1 | 2 | 3) =>
      rows.reduce((all, row) => all + Math.round(parseFloat(row[column]) * 100), 0) / 100;
    expect([sum(3), sum(2)]).toEqual([paid.total, paid.tax]);
    expect(Math.round((sum(1) + sum(2)) * 100) / 100).toBe(paid.total);
  });
  test("that it is a copy, and that the server does not have it yet", () => {
    const copy = receiptOf({ ...input, isCopy: true, isOnServer: false }, words);
    expect(copy.marks).toEqual(["KOPIE"]);
    expect(copy.remarks).toContain(words.texts.offline);
    expect(receiptOf({ ...input, order: order() }, words).marks).toEqual([words.texts.open]);
  });
  test("what was given back: its lines, amount, taxes, and of which receipt", () => {
    const request = {
      lines: [{ itemId: "i2", quantity: 1 }],
      method: "CASH" as const,
      reason: "hart",
      by: { id: "b", name: "Bo" },
    };
    const refunded = refundedOrder(
      { localId: paid.id, data: paid },
      { ...request, authorisedBy: null, deviceId: "d1", at: 5 },
      "server",
    );
    const refund = latestRefund(refunded);
    const back = receiptOf({ ...input, order: refunded, refund }, words);
    expect(back).toMatchObject({ marks: ["ERSTATTUNG"], number: "A1-000007-R1", remarks: ["Grund: hart"] });
    expect(flat(back.facts)).toEqual(expect.arrayContaining(["Zu Bon A1-000007", "Es bediente Sie Bo"]));
    expect(back.lines).toMatchObject([{ quantity: 1, name: "Brot" }]);
    expect(flat(back.sums)).toEqual([`Zurückgezahlt ${refund.amount.toFixed(2)} €`]);
    expect(back.taxes[1]?.[3]).toBe(`${refund.amount.toFixed(2)}\u00a0€`);
  });
});

test.each(["w58", "w80"] as const)("printers get text that they can print, a QR code and a cut, on %s", (width) => {
  const bytes = escPosOf(receiptOf({ ...input, isCopy: true }, words), width);
  const text = [...bytes].map((byte) => String.fromCharCode(byte)).join("");
  for (const part of ["KOPIE", "Latte", "Rabatt -1.00", "Satz", "A1-000007", "Danke!", "\x1dV", "\x1d(k"])
    expect(text).toContain(part);
  expect(text).not.toContain("?");
});

describe("printers", () => {
  const after = () => () => undefined;
  const usb = (transferOut: () => Promise<object>, sent: string[] = []) => {
    const endpoints = [{ endpointNumber: 3, direction: "out" as const, type: "bulk" }];
    const device = {
      configuration: { interfaces: [{ interfaceNumber: 1, alternates: [{ interfaceClass: 7, endpoints }] }] },
      open: async () => void sent.push("open"),
      selectConfiguration: async () => undefined,
      claimInterface: async (number: number) => void sent.push(`claim ${number}`),
      transferOut: (endpoint: number) => (sent.push(`to ${endpoint}`), transferOut()),
      close: async () => void sent.push("close"),
    };
    return { usb: { getDevices: async () => [device], requestDevice: async () => device } } as PrinterPorts;
  };
  test("the bytes go to the printer's own endpoint, and it is let go of", async () => {
    const sent: string[] = [];
    await new Printers(
      usb(async () => ({ status: "ok" }), sent),
      after,
    ).print("usb", new Uint8Array(3));
    expect(sent).toEqual(["open", "claim 1", "to 3", "close"]);
  });
  test("none, one that fails and one that never answers are told apart, and none hangs", async () => {
    const print = (ports: PrinterPorts, wait = after as ConstructorParameters<typeof Printers>[1]) =>
      new Printers(ports, wait).print("usb", new Uint8Array(1));
    await expect(print({})).rejects.toMatchObject({ code: "noPrinter" });
    await expect(print(usb(() => Promise.reject(new Error("gone"))))).rejects.toMatchObject({ code: "lostPrinter" });
    const silent = usb(() => new Promise(() => undefined));
    await expect(print(silent, (_ms, run) => (run(), after()))).rejects.toMatchObject({ code: "lostPrinter" });
  });
});

test("what this device prints on is remembered; nonsense is the default", () => {
  const memory = new Map<string, string>();
  const storage = {
    read: (key: string) => memory.get(key) ?? null,
    write: (key: string, text: string | null) => void memory.set(key, text ?? ""),
  };
  expect(readPrinterSettings(storage)).toEqual({ width: "w80", way: "browser" });
  writePrinterSettings({ width: "w58", way: "serial" }, storage);
  expect(readPrinterSettings(storage)).toEqual({ width: "w58", way: "serial" });
  memory.set("tillwire.printer", "{");
  expect(readPrinterSettings(storage)).toEqual({ width: "w80", way: "browser" });
});
