/** Both sides of a violation, for people who look for its cause: where everybody stands, and all that anybody has of the records it names. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { MemoryRow, MemoryShop } from "@tillwire/server/store/memory-database";
import { rowsOn, type DiskRows } from "./checks.ts";
import type { Machine } from "./machine.ts";
import { versionsOf } from "./shop-checks.ts";
import type { World } from "./world.ts";

/** Records that are shown whole, and characters of the data of each. */
const SHOWN = 6;
const DATA_LENGTH = 300;

export function stateOf(world: World, what: string): string {
  const shops = [...world.database.memory.shops.values()];
  const names = new Set(what.split(/[^\w.-]+/));
  const lines = shops.map(
    ({ storeId, head, epoch, records }) => `server: ${storeId} epoch ${epoch} head ${head}, ${records.size} records`,
  );
  for (const machine of world.machines) lines.push(lineOf(world, machine));
  for (const shop of shops) lines.push(...recordsNamed(shop, names));
  for (const machine of world.machines) lines.push(...rowsNamed(machine, names));
  return lines.join("\n");
}

function lineOf({ retired }: World, machine: Machine): string {
  const { plan, tabs } = machine;
  const { sync, records, overlays, outbox } = rowsOn(machine);
  const at = sync
    ? `epoch ${String(sync.epoch)} cursor ${sync.cursor} visible ${sync.visible} base ${sync.base} digests ${String(sync.digestsEqual)}`
    : "not set up";
  return (
    `${machine.name} (${plan.kind}${retired.has(machine) ? ", revoked" : ""}, ${tabs.length} tabs): ${at}, ` +
    `${records.length} records, overlays [${overlays.map(overlayLine).join(", ")}], outbox [${outbox.map(outboxLine).join(", ")}]`
  );
}

function overlayLine({ collection, localId, seq, syncVersion, epoch }: DiskRows["overlays"][number]): string {
  return `${collection}/${localId} seq ${seq} v${syncVersion} epoch ${epoch}`;
}

function outboxLine({ key, collection, localId, syncVersion, state }: DiskRows["outbox"][number]): string {
  return `${key}:${collection}/${localId} v${syncVersion} ${state}`;
}

/** Every version of a named record, and of the conflicts about it. */
function recordsNamed(shop: MemoryShop, names: ReadonlySet<string>): string[] {
  const isNamed = ({ collection, localId, dataJson }: MemoryRow): boolean =>
    names.has(localId) || (collection === "conflicts" && dataJson !== null && names.has(recordIdOf(dataJson)));
  const named = [...versionsOf(shop)].filter(([, rows]) => isNamed(rows.at(-1)!)).slice(0, SHOWN);
  return named.flatMap(([key, rows]) => [`server's ${key}:`, ...rows.map((row) => `  ${versionLine(row)}`)]);
}

function recordIdOf(dataJson: string): string {
  return (JSON.parse(dataJson) as ConflictData).recordId;
}

function versionLine({ seq, syncVersion, hash, deviceId, base, deleted, reoffered, dataJson }: MemoryRow): string {
  const on = base ? `made on v${base.version} ${String(base.hash).slice(0, 8)}` : "made on what is not known";
  const marks = `${deleted ? ", deleted" : ""}${reoffered ? ", offered again" : ""}`;
  return `seq ${seq} v${syncVersion} ${hash.slice(0, 8)} by ${deviceId}, ${on}${marks} ${shortened(dataJson)}`;
}

function rowsNamed(machine: Machine, names: ReadonlySet<string>): string[] {
  const { records, overlays, outbox } = rowsOn(machine);
  const isNamed = ({ localId }: { readonly localId: string }): boolean => names.has(localId);
  const of = (where: string, collection: string, localId: string, syncVersion: number, hash: string, data: unknown) =>
    `${machine.name}'s ${where}: ${collection}/${localId} v${syncVersion} ${hash.slice(0, 8)} ${shortened(JSON.stringify(data))}`;
  return [
    ...records.filter(isNamed).map((row) => ({ where: `base seq ${row.seq}`, row })),
    ...overlays.filter(isNamed).map((row) => ({ where: `overlay seq ${row.seq}`, row })),
    ...outbox.filter(isNamed).map((row) => ({ where: `outbox ${row.key} ${row.state}`, row })),
  ]
    .slice(0, SHOWN)
    .map(({ where, row }) => of(where, row.collection, row.localId, row.syncVersion, row.hash, row.data));
}

function shortened(text: string | null): string {
  return (text ?? "").slice(0, DATA_LENGTH);
}
