/** Marks as the fake server gives them: another one with every welcome; who presents neither of the last two is a copy. */
interface Given {
  /** The one last given, and the one presented before it. */
  readonly last: string;
  readonly before: string | null;
  readonly copied: boolean;
}

export class FakeMarks {
  readonly #byDevice = new Map<string, Given>();
  #count = 0;

  get(deviceId: string): Given | undefined {
    return this.#byDevice.get(deviceId);
  }

  present(deviceId: string, presented: string | null): { mark: string; copied?: boolean } {
    const known = this.#byDevice.get(deviceId);
    const copied =
      (known?.copied ?? false) || (presented !== null && presented !== known?.last && presented !== known?.before);
    const before = presented === (known?.last ?? null) ? presented : (known?.before ?? null);
    const last = `mark-${++this.#count}`;
    this.#byDevice.set(deviceId, { last, before, copied });
    return copied ? { mark: last, copied } : { mark: last };
  }
}
