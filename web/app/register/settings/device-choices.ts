/** The choices of a device, and how they are read back. Pure. */
export interface DeviceChoices {
  /** Minutes without a touch until somebody must sign in again; 0: never. */
  readonly idleLockMinutes: number;
  /** Whether customer displays show this register's cart. */
  readonly mirrorCart: boolean;
  /** Whether selling asks for an open shift even before the shop had one. */
  readonly askForShift: boolean;
}
export const IDLE_MINUTES = [0, 1, 2, 5, 15, 30] as const;
export const DEFAULTS: DeviceChoices = { idleLockMinutes: 5, mirrorCart: false, askForShift: false };

/** What can't be read is as if it was never chosen. */
export function readDeviceSettings(text: string | null): DeviceChoices {
  let read: Partial<Record<keyof DeviceChoices, unknown>> = {};
  try {
    read = (JSON.parse(text ?? "{}") as typeof read | null) ?? {};
  } catch {
    // as if nothing was there
  }
  const { idleLockMinutes, mirrorCart, askForShift } = read;
  return {
    idleLockMinutes: IDLE_MINUTES.find((minutes) => minutes === idleLockMinutes) ?? DEFAULTS.idleLockMinutes,
    mirrorCart: mirrorCart === true,
    askForShift: askForShift === true,
  };
}
