/** The text for `code` in a table of texts, if there is one; codes come from the wire and may be any text. */
export function textOf<T extends object>(table: T, code: string): string | undefined {
  const text: unknown = Object.hasOwn(table, code) ? table[code as keyof T] : undefined;
  return typeof text === "string" ? text : undefined;
}
