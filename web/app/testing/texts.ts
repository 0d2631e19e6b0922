/** Message files as the build would leave them, for unit tests: there no plugin compiles them. */
import compile from "icu-minify/compile";
import { textsOf, type CompiledMessages, type Texts } from "../messages/texts.ts";

interface Messages {
  readonly [key: string]: string | Messages;
}

export function compiled(messages: Messages): CompiledMessages {
  return Object.fromEntries(
    Object.entries(messages).map(([key, value]) => [key, typeof value === "string" ? compile(value) : compiled(value)]),
  );
}

/** @param language BCP 47 */
export function textsFrom<T extends Messages>(messages: T, language = "en"): Texts<T> {
  return textsOf(compiled(messages), language) as Texts<T>;
}
