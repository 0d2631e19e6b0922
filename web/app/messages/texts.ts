/**
 * From message files to the texts that components read. A message is ICU MessageFormat; the build compiles it
 * (build/messages-plugin.ts), so that no parser is loaded. A message without arguments becomes its text, one with arguments
 * a function of them: `t().cart.items({ count: 3 })`.
 */
import format, { type CompiledMessage, type FormatOptions } from "icu-minify/format";
import type { GetICUArgs } from "@schummar/icu-type-parser";

type Argument = string | number;
type Arguments<Message extends string> = GetICUArgs<Message, { ICUArgument: Argument; ICUNumberArgument: number }>;
type Text<Message extends string> = keyof Arguments<Message> extends never
  ? string
  : (values: Arguments<Message>) => string;

/** The texts of a message file, given its type: `Texts<typeof register>`. */
export type Texts<Messages> = {
  readonly [Key in keyof Messages]: Messages[Key] extends string ? Text<Messages[Key]> : Texts<Messages[Key]>;
};

/** What another language's file must hold, given English's: the same keys. That arguments are the same too is tested. */
export type Translation<Messages> = {
  readonly [Key in keyof Messages]: Messages[Key] extends string ? string : Translation<Messages[Key]>;
};

/** A message file as the build leaves it. */
export interface CompiledMessages {
  readonly [key: string]: CompiledMessage | CompiledMessages;
}

/** @param language BCP 47: for plurals and for the numbers in them */
export function textsOf(messages: CompiledMessages, language: string): unknown {
  const plurals = new Map<string, Intl.PluralRules>();
  const numbers = new Intl.NumberFormat(language);
  const formatters: FormatOptions["formatters"] = {
    getNumberFormat: (_locales, options) => (options ? new Intl.NumberFormat(language, options) : numbers),
    getDateTimeFormat: (_locales, options) => new Intl.DateTimeFormat(language, options),
    getPluralRules(_locales, options) {
      const type = options?.type ?? "cardinal";
      const rules = plurals.get(type) ?? new Intl.PluralRules(language, { type });
      plurals.set(type, rules);
      return rules;
    },
  };
  const textOf = (message: CompiledMessage) =>
    typeof message === "string"
      ? message
      : (values: Record<string, Argument>) => String(format(message, language, values, { formatters }));
  const treeOf = (tree: CompiledMessages): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(tree).map(([key, value]) => [key, isMessage(value) ? textOf(value) : treeOf(value)]),
    );
  return treeOf(messages);
}

function isMessage(value: CompiledMessage | CompiledMessages): value is CompiledMessage {
  return typeof value === "string" || Array.isArray(value);
}
