/** What the simulated shops sell and keep: the real shop's collections, and one plain one for every policy. */
import * as z from "zod/mini";
import { collectionSet, defineCollection, type Collection } from "@tillwire/protocol/collection";
import { conflicts } from "@tillwire/protocol/conflicts";
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import { products } from "@tillwire/protocol/pos/catalogue";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import { transactions } from "@tillwire/protocol/pos/transactions";

/** Which edits of which machine a value comes from: how a value is found again, whatever became of it. */
export type Edits = Readonly<Record<string, number>>;

export interface Note {
  readonly id: string;
  readonly text: string;
  readonly color?: string;
  readonly final?: boolean;
  readonly edits: Edits;
}

const noteSchema = z.looseObject({ id: z.string(), text: z.string() }) as unknown as z.ZodMiniType<Note>;

function notesUnder(policy: ConflictPolicy) {
  return defineCollection<Note>({
    name: `notes-${policy.toLowerCase().replace("_wins", "")}`,
    schema: noteSchema,
    policy,
    guard: (current, next) => (current?.final && !next?.final ? "what is final stays so" : null),
  });
}

/** Pieces at hand, and every movement that led there: whatever is merged or offered again, the two must agree. */
export interface Stock {
  readonly id: string;
  readonly pieces: number;
  readonly moves: readonly { readonly id: string; readonly pieces: number }[];
  readonly edits: Edits;
}

/** @param data of any record */
export function movesIn(data: unknown): Stock["moves"] {
  return (data as Partial<Stock> | null)?.moves ?? [];
}

/** What a shop begins with. */
export const STOCK: readonly Stock[] = ["stock-0", "stock-1", "stock-2"].map((id) => ({
  ...{ id, pieces: 1_000, moves: [], edits: {} },
}));

export const stock = defineCollection<Stock>({
  name: "stock",
  schema: z.looseObject({
    id: z.string(),
    pieces: z.number(),
    moves: z.array(z.looseObject({ id: z.string() })),
  }) as unknown as z.ZodMiniType<Stock>,
  policy: "MERGE",
  sumFields: ["pieces"],
});

/** An order as it is sold here: schemas are loose, and members beyond them are kept. */
export type StampedOrder = Order & { readonly edits: Edits };
export const stampedOrders = orders as unknown as Collection<StampedOrder>;

export const POLICIES: readonly ConflictPolicy[] = ["SERVER_WINS", "CLIENT_WINS", "MERGE", "MANUAL"];
export const NOTES = POLICIES.map(notesUnder);
export const COLLECTIONS = collectionSet([orders, transactions, products, stock, ...NOTES, conflicts]);

/** Collections whose policy a shop changes while people work. */
export const CHANGEABLE = [...NOTES.map(({ name }) => name), "orders"];
