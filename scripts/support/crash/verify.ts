/** After a cycle, when everything stands still: what must hold, from the database and from what the devices saw (INVARIANTS.md). */
import { hashOf } from "@tillwire/protocol/hash";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { MemoryShop } from "@tillwire/server/store/memory-database";
import { checkAtHead, checkEdits, checkMoney } from "../simulator/checks.ts";
import { Coverage } from "../simulator/coverage.ts";
import { Model, type Violated } from "../simulator/model.ts";
import { checkShop, versionsOf } from "../simulator/shop-checks.ts";
import type { CrashDevice } from "./device.ts";
import { readShop } from "./rows.ts";
import type { CrashShop, Site } from "./site.ts";
import { versionText } from "./testimony.ts";

/** @returns outcomes and kinds of conflicts that devices were told of, how often */
export async function verify(site: Site, violated: Violated): Promise<Coverage> {
  const coverage = new Coverage();
  for (const shop of site.shops) {
    const rows = await site.query((sql) => readShop(sql, shop.storeId, `shop ${shop.index}`));
    const devices = site.devicesOf(shop);
    if (rows.epoch !== shop.epoch) violated("S1", "a new epoch began, and nobody had put the database back");
    checkShop(rows, shop.model, new Set(), violated);
    checkHashes(rows, violated);
    checkEdits(rows, devices, shop.model, violated);
    checkMoney(rows, devices, [], shop.model, violated);
    checkTestimony(rows, shop, coverage, violated);
    for (const device of devices) {
      if (device.revokedAtHead !== null) checkRevoked(rows, device, violated);
      else {
        checkAtHead(device, rows, violated);
        await checkShown(rows, device, violated);
      }
    }
  }
  return coverage;
}

/** S1, S3: whatever any device was told is in the database, where it was told that it is. */
function checkTestimony(shop: MemoryShop, { testimony }: CrashShop, coverage: Coverage, violated: Violated): void {
  const model = new Model(violated, coverage);
  const bySeq = new Map<number, string>();
  for (const row of [...versionsOf(shop).values()].flat()) bySeq.set(row.seq, versionText(row.collection, row));
  for (const { deviceId, write, result } of testimony.acknowledged) {
    model.answered(shop, deviceId, write, result);
    const { collection, localId, outcome, seq, syncVersion, hash } = result;
    if ((outcome !== "accepted" && outcome !== "merged") || seq === undefined) continue;
    const told = versionText(collection, { localId, syncVersion: syncVersion!, hash: hash! });
    if (bySeq.get(seq) !== told)
      violated("S1", `${deviceId} was told that ${told} has seq ${seq}`, { there: bySeq.get(seq) });
  }
  for (const [seq, version] of testimony.seen)
    if (bySeq.get(seq) !== version)
      violated("S1", `devices were told that seq ${seq} is ${version}`, { there: bySeq.get(seq) });
}

/** What is stored is what was hashed. */
function checkHashes(shop: MemoryShop, violated: Violated): void {
  for (const [key, { dataJson, hash }] of shop.records)
    if (dataJson !== null && hashOf(JSON.parse(dataJson)) !== hash)
      violated("S8", `${key} does not match its hash`, { hash, dataJson });
}

/** S5: what people see is what the server holds, but for own edits that wait in a conflict. */
async function checkShown(shop: MemoryShop, device: CrashDevice, violated: Violated): Promise<void> {
  const shown = new Set<string>();
  for (const collection of SHOP_COLLECTIONS.values()) {
    for (const record of await device.replica.collection(collection).query()) {
      const { localId } = record;
      shown.add(`${collection.name}/${localId}`);
      const row = shop.record(collection.name, localId);
      const { hash } = record.conflict === undefined ? record : (record.server ?? record);
      if (!row || (record.conflict === undefined && row.deleted) || row.hash !== hash)
        violated("S5", `${device.name} shows another ${collection.name}/${localId} than the server has`, {
          ...{ record, row },
        });
    }
  }
  for (const [key, row] of shop.records)
    if (!row.deleted && !shown.has(key)) violated("S5", `${device.name} does not show ${key}`, row);
}

/** S11 */
function checkRevoked(shop: MemoryShop, { identity, revokedAtHead }: CrashDevice, violated: Violated): void {
  const rows = [...versionsOf(shop).values()].flat();
  const late = rows.filter(({ deviceId, seq }) => deviceId === identity.deviceId && seq > revokedAtHead!);
  if (late.length > 0) violated("S11", `${identity.deviceId} had been revoked at head ${revokedAtHead}`, late);
}
