/** What the checks of counts let pass, and what they don't. */
import { MemoryDatabase } from "@tillwire/client/memory-store";
import { MemoryShop, type MemoryRow } from "@tillwire/server/store/memory-database";
import { describe, expect, test } from "vitest";
import { checkMoves, type CheckedMachine } from "./checks.ts";
import { Coverage } from "./coverage.ts";
import { Model } from "./model.ts";
import { checkShop } from "./shop-checks.ts";
import { STOCK, stock, type Stock } from "./shop.ts";

const LOCAL_ID = STOCK[0]!.id;
const MACHINES: CheckedMachine[] = [
  { name: "m0", plan: { shop: 0 }, identity: null, disk: { database: new MemoryDatabase() } },
];

type More = Partial<MemoryRow> & { readonly pieces?: number };
type Moves = readonly (readonly [id: string, pieces: number])[];

function row(seq: number, syncVersion: number, moves: Moves, more: More = {}): MemoryRow {
  const counted = moves.reduce((sum, [, pieces]) => sum + pieces, STOCK[0]!.pieces);
  const { pieces = counted, ...members } = more;
  const value: Stock = { id: LOCAL_ID, pieces, moves: moves.map(([id, of]) => ({ id, pieces: of })), edits: {} };
  return {
    ...{ collection: stock.name, localId: LOCAL_ID, seq, syncVersion, hash: `hash-${seq}`, deleted: false },
    ...{
      sentVersion: null,
      sentHash: null,
      base: null,
      uniqueKey: null,
      reoffered: false,
      stamp: null,
      updatedAt: seq,
    },
    ...{ createdBy: "device-m0", deviceId: "device-m0", dataJson: JSON.stringify(value) },
    ...members,
  };
}

function shopOf(rows: readonly MemoryRow[]): MemoryShop {
  const shop = new MemoryShop("shop-0", "shop 0", "epoch-0");
  const key = `${stock.name}/${LOCAL_ID}`;
  shop.records.set(key, rows.at(-1)!);
  shop.history.set(key, rows.slice(0, -1));
  return shop;
}

function newModel(): Model {
  return new Model(() => undefined, new Coverage());
}

describe("S2: a movement that was saved is counted", () => {
  const OFFERED = { reoffered: true };
  const OTHER_HISTORY = [
    row(1, 1, []),
    row(2, 5, [["m0-move-1", -2]], OFFERED),
    row(3, 9, [["m1-move-1", -1]], OFFERED),
  ];

  function lostIn(rows: readonly MemoryRow[], restores: number): string[] {
    const model = newModel();
    model.savedMove("m0", LOCAL_ID, "m0-move-1");
    model.restores = restores;
    const lost: string[] = [];
    checkMoves(shopOf(rows), MACHINES, model, (invariant) => lost.push(invariant));
    return lost;
  }

  test("but for the one that a higher version of another history stands above, after two restores", () => {
    expect(lostIn(OTHER_HISTORY, 2)).toEqual([]);
    expect(lostIn(OTHER_HISTORY, 1)).toEqual(["S2"]);
  });

  test("what was newly written is not replaced by what is offered again, nor anything by a write", () => {
    const [first, second, third] = OTHER_HISTORY as [MemoryRow, MemoryRow, MemoryRow];
    expect(lostIn([first, { ...second, reoffered: false }, third], 2)).toEqual(["S2"]);
    expect(lostIn([first, second, { ...third, reoffered: false }], 2)).toEqual(["S2"]);
  });

  test("what the version above it had and a later one lacks is lost", () => {
    const both = row(3, 9, [...([["m0-move-1", -2]] as const), ["m1-move-1", -1]], OFFERED);
    expect(lostIn([...OTHER_HISTORY.slice(0, 2), both, row(4, 10, [["m1-move-1", -1]])], 2)).toEqual(["S2"]);
  });
});

describe("S2: a movement that a person chose against", () => {
  function lostAfter(settlement: string, settledBy: string): string[] {
    const [chosen, stood] = [row(3, 3, [["m1-move-1", -1]]), row(2, 2, [["m0-move-1", -2]])];
    const model = newModel();
    model.savedMove("m0", LOCAL_ID, "m0-move-1");
    const shop = shopOf([row(1, 1, []), stood, chosen]);
    const [server, client] = [stood, chosen].map(({ dataJson }) => ({ data: JSON.parse(dataJson!) as unknown }));
    const data = {
      collection: stock.name,
      recordId: LOCAL_ID,
      status: "settled",
      settlement,
      settledBy,
      server,
      client,
    };
    const dataJson = JSON.stringify(data);
    shop.records.set("conflicts/c-1", row(4, 1, [], { collection: "conflicts", localId: "c-1", dataJson }));
    const lost: string[] = [];
    checkMoves(shop, MACHINES, model, (invariant) => lost.push(invariant));
    return lost;
  }

  test("is kept in the conflict; what the server settled, or for the server's side, must be counted", () => {
    expect(lostAfter("CLIENT", "device-m0")).toEqual([]);
    expect(lostAfter("MERGED", "device-m0")).toEqual([]);
    expect(lostAfter("MERGED", "server")).toEqual(["S2"]);
    expect(lostAfter("SERVER", "device-m0")).toEqual(["S2"]);
  });
});

describe("S2: a movement is counted once", () => {
  function miscounted(pieces: number, copied: readonly string[]): string[] {
    const moves: Moves = [
      ["m0-move-1", -5],
      ["m0-move-2", -3],
      ["m0-move-3", -1],
    ];
    const model = newModel();
    for (const id of copied) model.copiedMoves.add(id);
    const found: string[] = [];
    const shop = shopOf([row(1, 1, moves, { pieces })]);
    checkShop(shop, model, new Set(), (invariant, what) => what.includes("counts") && found.push(invariant));
    return found;
  }

  test("but for what waited on a disk that was copied: for each of the two", () => {
    expect(miscounted(991, [])).toEqual([]);
    expect(miscounted(986, [])).toEqual(["S2"]);
    expect(miscounted(986, ["m0-move-1", "m0-move-2"])).toEqual([]);
    expect(miscounted(983, ["m0-move-1", "m0-move-2"])).toEqual([]);
  });

  test("not twice more, nor another one than waited there", () => {
    expect(miscounted(981, ["m0-move-1"])).toEqual(["S2"]);
    expect(miscounted(990, ["m0-move-1", "m0-move-2"])).toEqual(["S2"]);
    expect(miscounted(996, ["m0-move-1"])).toEqual(["S2"]);
  });
});
