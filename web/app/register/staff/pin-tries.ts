/** Wrong PINs are slowed down: after a few of them everybody waits, over a reload too. Pure. */
export interface PinTries {
  readonly wrong: number;
  /** Epoch ms; no PIN is looked at before. */
  readonly until: number;
}
export const NO_TRIES: PinTries = { wrong: 0, until: 0 };
const FREE = 5;
const WAIT_MS = 30_000;

export function afterWrong({ wrong }: PinTries, now: number): PinTries {
  return { wrong: wrong + 1, until: wrong + 1 >= FREE ? now + WAIT_MS : 0 };
}

/** How long nobody can enter a PIN. A clock that was put back makes nobody wait longer than once. */
export function waitMs({ until }: PinTries, now: number): number {
  return Math.max(0, Math.min(until - now, WAIT_MS));
}

/** As it was remembered. */
export function readTries(text: string | null): PinTries {
  try {
    const { wrong, until } = JSON.parse(text ?? "{}") as Partial<PinTries>;
    return Number.isInteger(wrong) && Number.isFinite(until) ? { wrong: wrong!, until: until! } : NO_TRIES;
  } catch {
    return NO_TRIES;
  }
}
