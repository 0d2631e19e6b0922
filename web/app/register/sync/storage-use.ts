/** How full this browser's storage is. Pure. */
export interface StorageUse {
  readonly percent: number;
  /** Time to do something about it. */
  readonly nearlyFull: boolean;
}

const FULL_PERCENT = 80;

/** @returns null where the browser does not tell */
export function storageUse({ usage, quota }: { readonly usage?: number; readonly quota?: number }): StorageUse | null {
  if (usage === undefined || !quota) return null;
  const percent = Math.min(100, (usage / quota) * 100);
  return { percent: Math.round(percent), nearlyFull: percent > FULL_PERCENT };
}

/** 12 MB, 1.5 GB. */
export function bytesText(bytes: number, languages: readonly string[]): string {
  const [unit, size] = bytes >= 1e9 ? (["gigabyte", 1e9] as const) : (["megabyte", 1e6] as const);
  const format = { style: "unit", unit, maximumFractionDigits: bytes < 1e9 && bytes >= 1e7 ? 0 : 1 } as const;
  return new Intl.NumberFormat([...languages], format).format(bytes / size);
}
