/** The paper that browsers print on: rolls have a width, and are as long as what is printed. Pure. */
import type { PaperWidth } from "./printer-settings.ts";

export interface PageSize {
  readonly widthMm: number;
  readonly heightMm: number;
}

export const ROLL_MM: Record<PaperWidth, number> = { w58: 58, w80: 80 };
/** Above and below; the sides are what the roll leaves of what is printed. */
const MARGIN_MM = 3;
const MM_PER_PIXEL = 25.4 / 96;
/** A page that is a hair too short puts its last line on one of its own. */
const SLACK_MM = 2;

/** @param heightPixels of what is printed, at 96 pixels an inch */
export function pageFor(width: PaperWidth, heightPixels: number): PageSize {
  const heightMm = Math.ceil(heightPixels * MM_PER_PIXEL + 2 * MARGIN_MM + SLACK_MM);
  // browsers turn a page that is wider than high
  return { widthMm: ROLL_MM[width], heightMm: Math.max(heightMm, ROLL_MM[width] + 1) };
}

/** The style rule that says so. @param printedMm width of what is printed, in the middle of the page */
export function pageRule({ widthMm, heightMm }: PageSize, printedMm: number): string {
  return `@page { size: ${widthMm}mm ${heightMm}mm; margin: ${MARGIN_MM}mm ${(widthMm - printedMm) / 2}mm; }`;
}
