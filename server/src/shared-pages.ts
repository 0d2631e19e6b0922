/** What a thousand devices that come back at once want is the same page mostly: it is read and encoded once. */
import type { Choice, Stretch } from "./frames.ts";
import type { FeedQuery } from "./store/store.ts";

/**
 * Who wants a page that waits to be read gets that one. Not one that is being read: who asks then may know of more than it will find.
 * @param read calls `begin` as the reading begins
 */
export function sharePages(
  read: (query: FeedQuery, begin: () => void) => Promise<Stretch>,
): (query: FeedQuery) => Promise<Stretch> {
  const waiting = new Map<string, Promise<Stretch>>();
  return (query) => {
    const key = JSON.stringify(query);
    const shared = waiting.get(key);
    if (shared) return shared;
    let waits = true;
    const over = (): void => {
      if (waits) waiting.delete(key);
      waits = false;
    };
    const page = read(query, over);
    if (!waits) return page;
    waiting.set(key, page);
    // Refused before it began.
    page.catch(over);
    return page;
  };
}

type Encode = (storeId: string, stretch: Stretch, choice: Choice) => string;

/** Of a page that several read: the text that it became first. */
export function rememberText(encode: Encode): Encode {
  const texts = new WeakMap<Stretch, { readonly choice: string; readonly text: string }>();
  return (storeId, stretch, choice) => {
    const known = texts.get(stretch);
    if (known?.choice === choice.key) return known.text;
    const text = encode(storeId, stretch, choice);
    texts.set(stretch, { choice: choice.key, text });
    return text;
  };
}
