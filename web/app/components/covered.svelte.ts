/** Whether something lies over the whole page that nobody may reach past: dialogs close then, and none opens. One page, one value. */
let covered = $state(false);

export function isCovered(): boolean {
  return covered;
}
export function cover(on: boolean): void {
  covered = on;
}
