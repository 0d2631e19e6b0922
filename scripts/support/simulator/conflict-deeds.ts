/** What people do about what needs their attention: conflicts that are open, and writes that were refused. */
import type { ReplicaRecord, SettleChoice } from "@tillwire/client/api";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { Desk } from "./desk.ts";
import { movesIn, NOTES } from "./shop.ts";

type OpenConflict = ReplicaRecord<ConflictData>;

export async function settleOne(desk: Desk): Promise<void> {
  const open = await pickConflict(desk);
  if (!open) return;
  const merged: SettleChoice = { data: open.data.client.data as object | null };
  const choice = desk.random.pick<SettleChoice>(["server", "client", "both", merged]);
  await choose(desk, open, choice);
  desk.host.coverage.add(`settled ${typeof choice === "string" ? choice : "merged"}`);
}

/** Somebody settles a conflict, edits the record a little later, and settles it otherwise after all. */
export async function chooseAgain(desk: Desk): Promise<void> {
  const { random, host, replica } = desk;
  const conflict = await pickConflict(desk);
  if (!conflict) return;
  const { collection: name, recordId } = conflict.data;
  const collection = NOTES.find((notes) => notes.name === name);
  await choose(desk, conflict, random.pick<SettleChoice>(["server", "client"]));
  const record = collection && (await replica.collection(collection).get(recordId));
  if (record) await desk.save(collection, desk.rewritten(record.data), record);
  await host.schedule.delay(random.int(0, 300));
  if (!host.isClosed) await choose(desk, conflict, random.pick<SettleChoice>(["server", "client"]));
}

async function choose({ host, replica }: Desk, { localId, data }: OpenConflict, choice: SettleChoice): Promise<void> {
  const { collection, recordId, client, server } = data;
  const { hash } = choice === "server" ? server : client;
  // Who keeps both puts neither in place of the other.
  if (choice !== "both") host.model.chosen.add(`${collection}/${recordId} ${hash}`);
  await replica.settle(localId, choice);
}

async function pickConflict({ replica, random }: Desk): Promise<OpenConflict | undefined> {
  const all = await replica.collection(conflicts).query({ where: ({ status }) => status === "open" });
  return all.sort((a, b) => (a.localId < b.localId ? -1 : 1))[Math.floor(random.next() * all.length)];
}

export async function dealWithRejected({ machine, replica, host }: Desk, deed: "retry" | "discard"): Promise<void> {
  const row = [...machine.disk.database.outbox.values()].find(({ state }) => state === "rejected");
  if (!row) return;
  if (deed === "retry") return replica.retryRejected(row.key);
  await replica.discardRejected(row.key);
  // Given up by a person.
  const { model } = host;
  model.saved.delete(`${row.collection}/${row.localId}/${machine.name}`);
  for (const { id } of movesIn(row.data)) {
    const move = model.moves.get(id);
    if (move?.machine === machine.name) move.isExcused = true;
  }
  if (row.collection === "transactions") model.sales.delete(row.localId);
}
