/** A receipt in the language of receipt printers. Loaded when something is printed on one. */
import ReceiptPrinterEncoder from "@point-of-sale/receipt-printer-encoder";
import type { PaperWidth } from "./printer-settings.ts";
import type { ReceiptModel, ReceiptRow } from "./receipt-model.ts";

const COLUMNS: Record<PaperWidth, number> = { w58: 32, w80: 48 };
type Encoder = InstanceType<typeof ReceiptPrinterEncoder>;

export function escPosOf(model: ReceiptModel, width: PaperWidth): Uint8Array {
  const columns = COLUMNS[width];
  const printer = new ReceiptPrinterEncoder({ language: "esc-pos", columns, feedBeforeCut: 4 });
  printer.initialize().codepage("auto").align("center");
  printer.bold(true).line(plain(model.shopName)).bold(false);
  for (const line of model.header) printer.line(plain(line));
  for (const mark of model.marks) printer.newline().bold(true).line(plain(mark)).bold(false);
  printer.align("left").rule({ style: "single" });
  rows(printer, model.facts, columns);
  printer.rule({ style: "single" });
  lines(printer, model, columns);
  printer.rule({ style: "single" });
  rows(printer, model.sums, columns);
  rows(printer, model.payments, columns);
  if (model.taxes.length > 0) {
    printer.rule({ style: "single" });
    taxes(printer, model, columns);
  }
  printer.align("center");
  for (const remark of model.remarks) printer.newline().line(plain(remark));
  printer.newline().qrcode(model.number, { model: 2, size: 5, errorlevel: "m" }).newline();
  for (const line of model.footer) printer.line(plain(line));
  return new Uint8Array(printer.cut("partial").encode());
}

function rows(printer: Encoder, all: readonly ReceiptRow[], columns: number): void {
  for (const { label, value, isStrong } of all) {
    const right = Math.min(plain(value).length, columns - 8);
    if (isStrong) printer.bold(true);
    const layout = [
      { width: columns - right - 1, align: "left" as const },
      { width: right, align: "right" as const, marginLeft: 1 },
    ];
    printer.table(layout, [[plain(label), plain(value)]]);
    if (isStrong) printer.bold(false);
  }
}

function lines(printer: Encoder, model: ReceiptModel, columns: number): void {
  for (const { quantity, name, details, amount } of model.lines) {
    const right = plain(amount).length;
    const layout = [
      { width: 5, align: "left" as const },
      { width: columns - 5 - right - 1, align: "left" as const },
      { width: right, align: "right" as const, marginLeft: 1 },
    ];
    printer.table(layout, [[`${quantity} x`, plain(name), plain(amount)]]);
    for (const detail of details) printer.table(layout, [["", plain(detail), ""]]);
  }
}

function taxes(printer: Encoder, model: ReceiptModel, columns: number): void {
  const width = Math.floor(columns / 4);
  const cell = { width, align: "right" as const };
  printer.table(
    [{ width: columns - 3 * width, align: "left" }, cell, cell, cell],
    model.taxes.map((row) => row.map(plain)),
  );
}

/** Printers know neither narrow spaces nor typographic signs. */
function plain(text: string): string {
  return text
    .replace(/[\u00a0\u202f\u2009]/g, " ")
    .replace(/[\u2212\u2013\u2014]/g, "-")
    .replace(/\u00d7/g, "x")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c-\u201e]/g, '"');
}
