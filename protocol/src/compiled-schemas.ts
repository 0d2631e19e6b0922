/**
 * The schemas that every message and every write goes through, as code that zod makes of them: six times as fast. Compiling takes milliseconds and needs
 * `new Function`, which pages forbid, so that devices do without. What a compiled schema refuses goes through the declared one for its words.
 */
import { compile } from "zod/mini";
import type { AnyCollection, CollectionSet } from "./collection.ts";
import { deviceMessageSchema, writeSchema } from "./messages.ts";

export const compiledWriteSchema = compile(writeSchema);
export const compiledDeviceMessageSchema = compile(deviceMessageSchema);

const known = new WeakMap<CollectionSet, CollectionSet>();

/** The same collections with compiled schemas; made once for each set. */
export function withCompiledSchemas(collections: CollectionSet): CollectionSet {
  const made =
    known.get(collections) ?? new Map([...collections].map(([name, collection]) => [name, compiled(collection)]));
  known.set(collections, made);
  return made;
}

function compiled(collection: AnyCollection): AnyCollection {
  return { ...collection, schema: compile(collection.schema) };
}
