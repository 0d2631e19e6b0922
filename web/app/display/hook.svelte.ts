/** Something of the browser's that has a current value and tells of changes, as a reactive value. */
import { onDestroy } from "svelte";
import type { Live } from "../observable.svelte.ts";

interface Hook<T> {
  current(): T;
  onChange(run: () => void): () => void;
}

/** Follows it for as long as the component that calls this lives. */
export function fromHook<T>(hook: Hook<T>): Live<T> {
  let value = $state.raw(hook.current());
  onDestroy(hook.onChange(() => (value = hook.current())));
  return {
    get current() {
      return value;
    },
  };
}
