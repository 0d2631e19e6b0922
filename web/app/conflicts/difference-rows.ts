/**
 * What differs between two values of a record, one row a thing that people tell apart, with the words of either side. What belongs
 * together is one row: the two statuses of an order, a customer's name and id. Pure.
 */
import type { AnyCollection } from "@tillwire/protocol/collection";
import { fieldDifferences, isObject, membersById, own } from "@tillwire/protocol/differences";
import type { FieldDifference } from "@tillwire/protocol/messages";
import { fieldName, lineName, lineText, valueText, type Speech } from "./value-words.ts";

export interface DifferenceRow {
  /** Unique among the rows. */
  readonly key: string;
  readonly label: string;
  readonly client: string;
  readonly server: string;
  /** Paths as `fieldDifferences` gives them; all are picked from one side. */
  readonly paths: readonly string[];
  /** Follows from other rows (totals): shown, but nothing to choose. */
  readonly derived: boolean;
}

type Data = Record<string, unknown>;

/** Members that only make sense together; the first gives the label. */
const GROUPS: readonly (readonly string[])[] = [
  ["orderStatus", "paymentStatus", "paymentMethod", "completedAt"],
  ["customerName", "customerId"],
  ["tableName", "tableId"],
  ["categoryName", "categoryId"],
];

/** In which order people read; a database keeps members in one of its own. Others come after these. */
const ORDER = [
  ...["orderNumber", "referenceNumber", "name", "type", "customerName", "customerId", "tableName", "tableId"],
  ...["items", "lines", "notes", "price", "amount", "discount", "subtotal", "tax", "total"],
  ...["orderStatus", "paymentStatus", "paymentMethod", "status", "state"],
];

function placeOf(key: string): number {
  const place = ORDER.indexOf(key.split(/[ .]/)[0]!);
  return place < 0 ? ORDER.length - 1 : place;
}

function inOrder<T>(values: readonly T[], place: (value: T) => number): T[] {
  return values.toSorted((a, b) => place(a) - place(b));
}

/** Where an order keeps its lines, and a kitchen ticket its own. */
const LINES = ["items", "lines"];

/**
 * @param client data of the losing side, null where it is deleted
 * @param server data of the server's side, likewise
 */
export function differenceRows(
  collection: AnyCollection | undefined,
  client: unknown,
  server: unknown,
  speech: Speech,
): DifferenceRow[] {
  if (!isObject(client) || !isObject(server)) return deletionRows(client, server, speech);
  const derivedFields = collection?.derivedFields ?? [];
  const rows: DifferenceRow[] = [];
  const taken = new Set<string>();
  const found = fieldDifferences(client, server, "OPEN");
  for (const difference of found) {
    if (taken.has(difference.field)) continue;
    const group = groupOf(difference.field, found);
    for (const { field } of group) taken.add(field);
    const row = group.length > 1 ? groupRow(group, speech) : fieldRow(difference, client, server, speech);
    rows.push({ ...row, derived: derivedFields.includes(difference.field) });
  }
  // What people can choose comes first, what follows from it last.
  return inOrder(rows, ({ key, derived }) => (derived ? ORDER.length : 0) + placeOf(key));
}

function groupOf(field: string, found: readonly FieldDifference[]): readonly FieldDifference[] {
  const members = GROUPS.find((group) => group.includes(field));
  if (!members) return found.filter((each) => each.field === field);
  return members.flatMap((member) => found.filter((each) => each.field === member));
}

function groupRow(group: readonly FieldDifference[], speech: Speech): Omit<DifferenceRow, "derived"> {
  const paths = group.map(({ field }) => field);
  // The id says nothing beside the name; without one, it is all there is.
  const told = group.filter(({ field }) => !field.endsWith("Id"));
  const side = (of: "localValue" | "serverValue") =>
    told
      .filter((each) => told.length === 1 || saysSomething(each.field, each[of]))
      .map((each) => valueText(each.field, each[of], speech))
      .join(", ") || speech.words.values.nothing;
  return {
    key: paths.join(" "),
    label: told.length > 1 ? speech.words.fields.status : fieldName(told[0]!.field, speech),
    client: side("localValue"),
    server: side("serverValue"),
    paths,
  };
}

/** How an order will be paid is not known before it is. */
function saysSomething(name: string, value: unknown): boolean {
  return value !== null && !(name === "paymentMethod" && value === "OTHER");
}

function fieldRow(
  { field, localValue, serverValue }: FieldDifference,
  client: Data,
  server: Data,
  speech: Speech,
): Omit<DifferenceRow, "derived"> {
  const row = { key: field, paths: [field] };
  const line = lineOf(field, client, server);
  if (line) return { ...row, ...lineRow(line, localValue, serverValue, speech) };
  if (membersById(localValue) && membersById(serverValue)) {
    const text = speech.words.values.otherOrder;
    return { ...row, label: fieldName(field, speech), client: text, server: text };
  }
  const name = field.slice(field.lastIndexOf(".") + 1);
  const [clientText, serverText] = [valueText(name, localValue, speech), valueText(name, serverValue, speech)];
  return { ...row, label: fieldName(name, speech), client: clientText, server: serverText };
}

interface Line {
  readonly client: Data | undefined;
  readonly server: Data | undefined;
  /** What of the line differs; "" for all of it: the line is on one side only. */
  readonly member: string;
}

/** Ids may hold dots themselves, so that lines are looked for and paths not split. */
function lineOf(field: string, client: Data, server: Data): Line | null {
  const list = LINES.find((name) => field.startsWith(`${name}.`));
  if (list === undefined) return null;
  const [mine, theirs] = [membersById(own(client, list)), membersById(own(server, list))];
  const rest = field.slice(list.length + 1);
  const ids = [...new Set([...(mine?.keys() ?? []), ...(theirs?.keys() ?? [])])];
  const id = ids
    .filter((each) => rest === each || rest.startsWith(`${each}.`))
    .sort((a, b) => b.length - a.length)
    .at(0);
  if (id === undefined) return null;
  return { client: mine?.get(id), server: theirs?.get(id), member: rest.slice(id.length + 1) };
}

function lineRow(
  line: Line,
  localValue: unknown,
  serverValue: unknown,
  speech: Speech,
): Pick<DifferenceRow, "label" | "client" | "server"> {
  const { words } = speech;
  const product = lineName((line.server ?? line.client)!, speech);
  const whole = (item: Data | undefined) => (item ? lineText(item, speech) : words.values.notThere);
  if (line.member === "") return { label: product, client: whole(line.client), server: whole(line.server) };
  if (line.member === "quantity") {
    const text = (quantity: unknown, item: Data | undefined) =>
      `${valueText("quantity", quantity, speech)} × ${lineName(item ?? {}, speech)}`;
    return { label: product, client: text(localValue, line.client), server: text(serverValue, line.server) };
  }
  const name = line.member.slice(line.member.lastIndexOf(".") + 1);
  return {
    label:
      name === "notes"
        ? words.fields.lineNote({ product })
        : words.fields.lineField({ product, field: fieldName(name, speech) }),
    client: valueText(name, localValue, speech),
    server: valueText(name, serverValue, speech),
  };
}

/** One side is deleted: what the other one holds, line by line, and nothing to choose but the whole. */
function deletionRows(client: unknown, server: unknown, speech: Speech): DifferenceRow[] {
  const { words } = speech;
  const kept = isObject(client) ? client : server;
  const row = (key: string, label: string, text: string, other: string): DifferenceRow => ({
    ...{ key, label, paths: [key], derived: key !== "deleted" },
    client: isObject(client) ? text : other,
    server: isObject(server) ? text : other,
  });
  const state = row("deleted", words.fields.deleted, words.values.there, words.values.deleted);
  return [state, ...(isObject(kept) ? contentsOf(kept, speech).map((part) => row(...part, "–")) : [])];
}

/** What a record holds, in words: key (of a line: that of its list, a dot, its id), label, text. Ids and empty members are left out. */
export function contentsOf(data: Data, speech: Speech): [key: string, label: string, text: string][] {
  const contents: [string, string, string][] = [];
  const state = GROUPS[0]!;
  for (const [name, value] of Object.entries(data)) {
    if (name === "id" || name.endsWith("Id") || value === null || value === "" || value === 0) continue;
    if (state.includes(name) && Object.hasOwn(data, state[0]!)) {
      const told = state.filter((member) => saysSomething(member, own(data, member)));
      const text = told.map((member) => valueText(member, data[member], speech)).join(", ");
      if (name === state[0]) contents.push([name, speech.words.fields.status, text]);
      continue;
    }
    const lines = LINES.includes(name) ? membersById(value) : null;
    if (lines)
      for (const [id, line] of lines) contents.push([`${name}.${id}`, lineName(line, speech), lineText(line, speech)]);
    else if (!Array.isArray(value) || value.length > 0)
      contents.push([name, fieldName(name, speech), valueText(name, value, speech)]);
  }
  return inOrder(contents, ([key]) => placeOf(key));
}

/** Whether a key of `contentsOf` is that of a line, which says what it is by itself. */
export function isLine(key: string): boolean {
  return LINES.some((name) => key.startsWith(`${name}.`));
}

/** The paths behind the rows with these keys. */
export function pathsOf(rows: readonly DifferenceRow[], keys: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(rows.filter(({ key }) => keys.has(key)).flatMap(({ paths }) => paths));
}
