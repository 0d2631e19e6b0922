/** This device's own side of an open conflict, as the tx of a save has to know it: from the view or, where that lags behind, from the tx. */
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { ReadTx } from "./local-store.ts";
import { latestLostBy } from "./open-conflicts.ts";
import type { ConflictsAbout } from "./view.ts";

export interface LostSide {
  readonly conflict: ConflictData;
  /** A choice about it waits in the outbox: the side is not shown any more. */
  readonly isChosen: boolean;
}

/**
 * @param about what the view knows of the record's conflicts; null: nothing yet
 * @param at revision and visible generation of the database
 * @param record its key
 */
export async function readLostSide(
  tx: ReadTx,
  about: ConflictsAbout | null,
  at: { readonly revision: number; readonly visible: number },
  record: { readonly collection: string; readonly localId: string; readonly deviceId: string },
): Promise<LostSide | undefined> {
  const isUpToDate = about?.revision === at.revision;
  const open = isUpToDate ? about.conflicts : await searchOpen(tx, about, at.visible, record);
  const conflict = latestLostBy(record.deviceId, open);
  if (!conflict) return undefined;
  if (isUpToDate) return { conflict, isChosen: about.isChosen(conflict.id) };
  const isChosen = (await tx.outbox()).some((row) => row.resolves === conflict.id && row.state !== "rejected");
  return { conflict, isChosen };
}

/** Only what came after the view is looked through; everything where it stands on another generation, or has not read its own. */
async function searchOpen(
  tx: ReadTx,
  about: ConflictsAbout | null,
  visible: number,
  { collection, localId }: { readonly collection: string; readonly localId: string },
): Promise<ConflictData[]> {
  const goesOn = about?.visible === visible;
  const [known, newer, overlays] = await Promise.all([
    goesOn ? Promise.all(about.conflicts.map(({ id }) => tx.record(visible, conflicts.name, id))) : [],
    goesOn ? tx.recordsAbove(visible, about.seq) : tx.recordsOf(visible, conflicts.name),
    tx.overlays(),
  ]);
  const found = new Map<string, ConflictData>();
  for (const value of [...known, ...newer, ...overlays])
    if (value?.collection === conflicts.name) found.set(value.localId, value.data as ConflictData);
  return [...found.values()].filter((conflict) => conflict.collection === collection && conflict.recordId === localId);
}
