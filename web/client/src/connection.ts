/**
 * A connection to the local database that comes back. Browsers end connections at will: when site data is cleared, when the process that
 * keeps the database dies (Safari, after a while in the background), when a newer build in another tab asks for an upgrade.
 */
import type { IDBPDatabase, OpenDBCallbacks } from "idb";

export interface Handle<Schema> {
  readonly database: IDBPDatabase<Schema>;
  /** Not to be used any more. */
  isLost: boolean;
}

/** @param open makes a connection; `lost` belongs into its callbacks `blocking` and `terminated` */
export class Connection<Schema> {
  #handle: Promise<Handle<Schema>> | null = null;
  #isClosed = false;

  constructor(
    private readonly open: (
      ends: Pick<OpenDBCallbacks<Schema>, "blocking" | "terminated">,
    ) => Promise<IDBPDatabase<Schema>>,
  ) {}

  /**
   * Begins a tx, on another connection if the one at hand has ended.
   * @throws InvalidStateError after `close`; VersionError when a newer build has upgraded the database
   */
  async begin<Tx>(start: (database: IDBPDatabase<Schema>) => Tx): Promise<{ tx: Tx; handle: Handle<Schema> }> {
    const handle = await this.#connected();
    try {
      return { tx: start(handle.database), handle };
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.#lose(handle);
    }
    const next = await this.#connected();
    return { tx: start(next.database), handle: next };
  }

  /** What a tx failed with may mean that its connection is of no use any more. */
  failed(handle: Handle<Schema>, error: unknown): void {
    if (isLoss(error)) this.#lose(handle);
  }

  close(): void {
    this.#isClosed = true;
    this.#handle?.then(
      ({ database }) => database.close(),
      () => undefined,
    );
  }

  #connected(): Promise<Handle<Schema>> {
    if (this.#isClosed) throw new DOMException("the store is closed", "InvalidStateError");
    this.#handle ??= this.#connect();
    return this.#handle;
  }

  async #connect(): Promise<Handle<Schema>> {
    let handle: Handle<Schema> | null = null;
    const lose = (): void => void (handle && this.#lose(handle));
    try {
      const database = await this.open({ blocking: lose, terminated: lose });
      handle = { database, isLost: false };
      if (this.#isClosed) database.close();
      return handle;
    } catch (error) {
      // the next tx tries again
      this.#handle = null;
      throw error;
    }
  }

  // Txs under way end first: `close` waits for them.
  #lose(handle: Handle<Schema>): void {
    if (handle.isLost) return;
    handle.isLost = true;
    this.#handle = null;
    handle.database.close();
  }
}

function isLoss(error: unknown): boolean {
  return error instanceof DOMException && (error.name === "InvalidStateError" || error.name === "UnknownError");
}
